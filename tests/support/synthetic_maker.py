"""Compiles small shared objects for either libc, to show one rule of its loader each."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from support.cache import cache_folder
from support.interpreters import CannotBuildError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CONSTRUCTOR",
    "IFUNC",
    "INIT",
    "INITIAL_EXEC",
    "ORIGIN_LIBS",
    "RPATH",
    "RUNPATH",
    "USE_A",
    "WITH_LIBC",
    "Maker",
    "chain",
    "cut",
    "executable_stack_in_dependency",
    "first_found",
    "hidden_version",
    "library_at",
    "linked_elsewhere",
    "needed_path",
    "needing",
    "only_in_hwcaps",
    "other_libc",
    "patched",
    "plain",
    "searching",
    "soname_of_loaded",
    "undefined",
    "versions",
    "without_stack_header",
]

INIT = "void *PyInit_m(void) { return 0; }\n"
ORIGIN_LIBS = "-Wl,-rpath,$ORIGIN/libs"
# RUNPATH is what Debian's linker writes unless told otherwise
RPATH, RUNPATH = "-Wl,--disable-new-dtags", "-Wl,--enable-new-dtags"
# The libc's own start files and libraries, where a case is about them.
WITH_LIBC = "with libc"


@dataclass(frozen=True)
class Maker:
    """Compiles for one libc into one case's folder.

    :param scratch: for what is needed to link, but shall not be there at run time.
    """

    libc: str
    folder: Path
    scratch: Path

    def shared(self, name: str, code: str, *flags: str) -> Path:
        """Compile a shared object."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        source = self.scratch / "source.c"
        source.write_text(code)
        musl = cache_folder() / "interpreters/toolchain/bin/musl-cc"
        command = ["gcc" if self.libc == "glibc" else str(musl), "-O1", "-fPIC", "-shared", "-w"]
        bare = [] if WITH_LIBC in flags else ["-nostdlib", "-nostartfiles"]
        command += [*bare, "-o", str(path), str(source), "-Wl,--no-as-needed,--build-id=none"]
        command += [flag for flag in flags if flag != WITH_LIBC]
        run = subprocess.run(command, check=False, capture_output=True, text=True)
        if run.returncode != 0:
            raise CannotBuildError(f"{self.folder.name} ({self.libc}): {run.stderr[-500:]}")
        return path

    def module(self, code: str = "", *flags: str) -> Path:
        """Compile the case's module."""
        return self.shared("m.so", INIT + code, *flags)

    def needing(self, *names: str) -> list[str]:
        """Give what to link with for these DT_NEEDED, whether or not such libraries exist."""
        stubs = []
        for number, name in enumerate(names):
            stub = Maker(self.libc, self.scratch, self.scratch)
            flag = f"-Wl,-soname,{name}"
            stubs.append(str(stub.shared(f"stub{number}.so", f"int stub{number};", flag)))
        return stubs

    def versions(self, text: str) -> str:
        """Give the flag for a version script."""
        script = self.scratch / f"versions{len(list(self.scratch.iterdir()))}"
        script.write_text(text)
        return f"-Wl,--version-script={script}"


def patch(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)


def without_stack_header(path: Path) -> None:
    """Turn PT_GNU_STACK into PT_NULL."""
    data = path.read_bytes()
    start, size, count = (*struct.unpack_from("<Q", data, 32), *struct.unpack_from("<HH", data, 54))
    for offset in range(start, start + size * count, size):
        if struct.unpack_from("<I", data, offset)[0] == 0x6474E551:
            patch(path, offset, bytes(4))


def cut(path: Path, size: int) -> None:
    with path.open("r+b") as stream:
        stream.truncate(size)


def library_at(make: Maker, folder: str = "libs", *flags: str) -> list[str]:
    """Compile a library that defines ``a``, and give what links a module to it."""
    return [str(make.shared(f"{folder}/liba.so", "int a = 1;", "-Wl,-soname,liba.so", *flags))]


USE_A = "extern int a; int *use_a(void) { return &a; }\n"


def chain(make: Maker, tags: str, *, middle: str = "") -> None:
    """m needs liba, which needs libb; only m says where both are, or liba says something else."""
    b = make.shared("libs/libb.so", "int b = 1;", "-Wl,-soname,libb.so")
    flags = ("-Wl,-soname,liba.so", str(b), *([RUNPATH, middle] if middle else []))
    a = make.shared("libs/liba.so", "extern int b; int *a(void) { return &b; }", *flags)
    make.module("extern int *a(void); int *use(void) { return a(); }", str(a), tags, ORIGIN_LIBS)


def first_found(make: Maker, *, directory: bool = False, text: bool = False) -> None:
    """Two folders hold liba.so; what lies in the first is no library."""
    flags = library_at(make, "second")
    first = make.folder / "first/liba.so"
    first.parent.mkdir()
    if directory:
        first.mkdir()
    elif text:
        first.write_text("GROUP ( /lib/liba.so.1 )\n" + "# a linker script\n" * 8)
    else:
        shutil.copy(make.folder / "second/liba.so", first)
        patch(first, 18, b"\xb7\x00")
    make.module(USE_A, *flags, "-Wl,-rpath,$ORIGIN/first:$ORIGIN/second")


def versions(make: Maker, there: str, *, soname: str = "liba.so") -> None:
    """The module was linked to a library with version V2; another one is there at run time."""
    flags = ("-Wl,-soname," + soname,)
    newer = make.versions("V1 { global: a; local: *; }; V2 { global: b; } V1;")
    old = make.scratch / "liba.so"
    linked = make.shared("libs/liba.so", "int a = 1; int b = 2;", *flags, newer)
    shutil.move(str(linked), old)
    make.shared(
        "libs/liba.so", "int a = 1; int b = 2;", *flags, *([make.versions(there)] * bool(there))
    )
    make.module("extern int b; int *use(void) { return &b; }", str(old), ORIGIN_LIBS)


def hidden_version(make: Maker) -> None:
    code = 'int old = 1; __asm__(".symver old, a@V1");'
    script = make.versions("V1 { global: a; local: *; };")
    make.shared("libs/liba.so", code, "-Wl,-soname,liba.so", script)
    (stub,) = make.needing("liba.so")
    make.module(USE_A, stub, ORIGIN_LIBS)


def soname_of_loaded(make: Maker) -> None:
    """The second DT_NEEDED is no file, but the SONAME of the first one."""
    make.shared("libs/liba.so", "int a = 1;", "-Wl,-soname,libother.so")
    make.module(USE_A, *make.needing("liba.so", "libother.so"), ORIGIN_LIBS)


def linked_elsewhere(make: Maker) -> None:
    """m.so is a symbolic link; $ORIGIN is the link's folder or the file's."""
    flags = library_at(make, "real/libs")
    make.shared("real/m.so", INIT + USE_A, *flags, ORIGIN_LIBS)
    (make.folder / "m.so").symlink_to("real/m.so")


def only_in_hwcaps(make: Maker) -> None:
    flags = library_at(make, "libs/glibc-hwcaps/x86-64-v2")
    make.module(USE_A, *flags, ORIGIN_LIBS)


def executable_stack_in_dependency(make: Maker) -> None:
    flags = library_at(make, "libs", "-Wl,-z,execstack")
    make.module(USE_A, *flags, ORIGIN_LIBS)


def needed_path(make: Maker, folder: str) -> None:
    make.shared("libs/liba.so", "int a = 1;")
    make.module(USE_A, *make.needing(f"{folder}libs/liba.so"), ORIGIN_LIBS)


def other_libc(make: Maker) -> None:
    libc = "musl" if make.libc == "glibc" else "glibc"
    Maker(libc, make.folder, make.scratch).module(
        "extern int puts(const char *); int use(void) { return puts(0); }", WITH_LIBC
    )


def undefined(name: str) -> Callable[[Maker], object]:
    code = f"extern int {name}(void); int use(void) {{ return {name}(); }}"
    return lambda make: make.module(code)


def needing(*names: str) -> Callable[[Maker], object]:
    return lambda make: make.module("", *make.needing(*names))


def searching(entry: str, tags: str = RUNPATH) -> Callable[[Maker], object]:
    return lambda make: make.module(USE_A, *library_at(make), tags, f"-Wl,-rpath,{entry}")


def plain(*flags: str, code: str = "") -> Callable[[Maker], object]:
    return lambda make: make.module(code, *flags)


def patched(offset: int, data: bytes) -> Callable[[Maker], object]:
    return lambda make: patch(make.module(), offset, data)


INITIAL_EXEC = '{} __thread char v[{}] __attribute__((tls_model("initial-exec"))); char *use(void) {{ return v; }}'
CONSTRUCTOR = (
    "volatile int done; static __attribute__((constructor)) void start(void) { done = 1; }"
)
IFUNC = "static int one(void) { return 1; } static void *pick(void) { return one; }\n"
