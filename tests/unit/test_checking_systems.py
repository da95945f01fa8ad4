"""The process that a system's interpreter is, read from the files of a root, with a wheel's members among them."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from support.elf_maker import AARCH64, X86_64, shared_object
from support.linkage_maker import facts, files, musl
from support.root_maker import RootMaker
from support.target_maker import make_target
from support.wheel_maker import make_wheel
from wheelfix.checking import System, check_wheel
from wheelfix.checking._systems import process_of
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.linkage import LoadClass, MuslProcess
from wheelfix.planning import Policy, Repair
from wheelfix.targets.roots import examine_root

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wheelfix.linkage import Outcome

MUSL_LOADER, GLIBC_LOADER = "/lib/ld-musl-x86_64.so.1", "/lib64/ld-linux-x86-64.so.2"
SITE = "/usr/lib/python3.9/site-packages"
MUSL = ".cpython-39-x86_64-linux-musl.so"
DEBIAN_FOLDERS = b"\0/lib/x86_64-linux-gnu/\0/usr/lib/x86_64-linux-gnu/\0/lib/\0/usr/lib/\0"
LIBRARY = shared_object(symbols=["x"])


def musl_libc(version: str = "1.2.5", architecture: Any = X86_64, text: bytes = b"") -> bytes:
    symbols = ["memcpy", "stdin", "__libc_start_main"]
    return shared_object(architecture, symbols=symbols) + text + b"\0" + version.encode() + b"\0"


def executable(interpreter: str | None, needed: str, architecture: Any = X86_64) -> bytes:
    return shared_object(
        architecture, interpreter=interpreter, needed=[needed], symbols=["PyLong_FromLong"]
    )


def musl_root(folder: Path, loader: str = MUSL_LOADER, libc: bytes | None = None) -> RootMaker:
    """Make a root with musl, whose loader lies somewhere."""
    root = RootMaker(folder / "root").make(interpreter=None)
    root.write(root.executable, executable(loader, "libc.musl-x86_64.so.1"))
    root.write(loader, musl_libc() if libc is None else libc)
    return root


def glibc_root(folder: Path, folders: bytes = DEBIAN_FOLDERS) -> RootMaker:
    """Make a root with glibc, whose loader has some default folders."""
    root = RootMaker(folder / "root", triplet="x86_64-linux-gnu").make(interpreter=None)
    root.write(root.executable, executable(GLIBC_LOADER, "libc.so.6"))
    root.write(GLIBC_LOADER, shared_object(soname="ld-linux-x86-64.so.2") + folders)
    libc = shared_object(soname="libc.so.6", symbols=["memcpy@@GLIBC_2.14"])
    root.write("/lib/x86_64-linux-gnu/libc.so.6", libc)
    return root


def system_of(root: RootMaker, name: str = "cp39-musl", **changes: Any) -> System:
    return System(make_target(name, **changes), root=str(root.folder))


def module(
    needed: str | None = "libx.so", wanted: str = "x", architecture: Any = X86_64, **others: Any
) -> bytes:
    """Make a module that wants one symbol of one library."""
    return shared_object(
        architecture,
        needed=[] if needed is None else [needed],
        symbols=["PyInit_m"],
        undefined=[wanted],
        relocations=[(6, wanted)],
        **others,
    )


def outcome(
    folder: Path,
    system: System,
    content: bytes | None = None,
    more: Mapping[str, bytes | str] | None = None,
) -> Outcome:
    """Say what the loader answers to a wheel's one module."""
    found = {"p/m.so": module() if content is None else content, **(more or {})}
    wheel = make_wheel(folder, found, tags="cp39-abi3-linux_x86_64")
    policy = Policy(Repair.OFF)
    (target,) = check_wheel(wheel, [system], policy, check_tags=False).targets
    (result,) = (each.outcome for each in target.modules)
    assert result is not None
    return result


def link_to_library(root: RootMaker) -> None:
    root.write("/opt/real.so", LIBRARY)
    root.link("/usr/lib/libx.so", "/opt/real.so")


def link_outside(root: RootMaker) -> None:
    outside = root.folder.parent / "outside"
    outside.mkdir()
    (outside / "libx.so").write_bytes(LIBRARY)
    root.link("/usr/lib/libx.so", str(outside / "libx.so"))


def links_in_a_circle(root: RootMaker) -> None:
    root.link("/usr/lib/libx.so", "liby.so")
    root.link("/usr/lib/liby.so", "libx.so")


def write(*paths: str, content: bytes = LIBRARY) -> Callable[[RootMaker], None]:
    def written(root: RootMaker) -> None:
        for path in paths:
            root.write(path, content)

    return written


def path_file(path: str, text: str) -> Callable[[RootMaker], None]:
    def written(root: RootMaker) -> None:
        root.write("/opt/x/libx.so", LIBRARY)
        root.write(path, text)

    return written


PATH_FILE = "/etc/ld-musl-x86_64.path"


@pytest.mark.parametrize(
    ("prepare", "loader", "expected"),
    [
        pytest.param(write("/usr/lib/libx.so"), MUSL_LOADER, LoadClass.LOADS, id="usual folder"),
        pytest.param(write("/x/libx.so"), MUSL_LOADER, LoadClass.MISSING_LIBRARY, id="elsewhere"),
        pytest.param(
            path_file(PATH_FILE, "/lib\n/opt/x\n"), MUSL_LOADER, LoadClass.LOADS, id="path file"
        ),
        pytest.param(
            lambda root: [write("/usr/lib/libx.so")(root), path_file(PATH_FILE, "/lib")(root)],
            MUSL_LOADER,
            LoadClass.MISSING_LIBRARY,
            id="the path file replaces the usual folders",
        ),
        pytest.param(
            path_file(f"/opt/musl{PATH_FILE}", "/opt/x"),
            "/opt/musl/lib/ld-musl-x86_64.so.1",
            LoadClass.LOADS,
            id="path file of a prefix",
        ),
        pytest.param(
            path_file(PATH_FILE, "/opt/x"),
            "/opt/musl/lib/ld-musl-x86_64.so.1",
            LoadClass.MISSING_LIBRARY,
            id="path file of another prefix",
        ),
        pytest.param(
            path_file(PATH_FILE, "/opt/x"),
            "/lib/ld-musl-armhf.so.1",
            LoadClass.MISSING_LIBRARY,
            id="path file of another machine",
        ),
        pytest.param(
            path_file(PATH_FILE, "/opt/x"),
            "/lib/ld-own.so.1",
            LoadClass.MISSING_LIBRARY,
            id="a loader of another name",
        ),
        pytest.param(link_to_library, MUSL_LOADER, LoadClass.LOADS, id="an absolute link"),
        pytest.param(link_outside, MUSL_LOADER, LoadClass.MISSING_LIBRARY, id="a link outside"),
        pytest.param(
            links_in_a_circle, MUSL_LOADER, LoadClass.MISSING_LIBRARY, id="links in a circle"
        ),
        pytest.param(
            write("/usr/lib/libx.so/file"), MUSL_LOADER, LoadClass.WRONG_ELF, id="a folder"
        ),
        pytest.param(
            write("/usr/lib/libx.so", content=b"text"),
            MUSL_LOADER,
            LoadClass.WRONG_ELF,
            id="a text",
        ),
        pytest.param(
            write("/usr/lib/libx.so", content=b""), MUSL_LOADER, LoadClass.WRONG_ELF, id="empty"
        ),
        pytest.param(
            write("/usr/lib/libx.so", content=LIBRARY[:200]),
            MUSL_LOADER,
            LoadClass.WRONG_ELF,
            id="malformed",
        ),
        pytest.param(
            write("/usr/lib/libx.so", content=shared_object(AARCH64)),
            MUSL_LOADER,
            LoadClass.WRONG_ELF,
            id="another machine",
        ),
        pytest.param(
            write("/usr/lib/libx.so", content=shared_object()),
            MUSL_LOADER,
            LoadClass.MISSING_SYMBOL,
            id="without the symbol",
        ),
    ],
)
def test_libraries_on_musl(
    tmp_path: Path, prepare: Callable[[RootMaker], object], loader: str, expected: LoadClass
) -> None:
    root = musl_root(tmp_path, loader)
    prepare(root)
    assert outcome(tmp_path, system_of(root)).kind is expected


def test_a_root_is_never_left_by_its_folders(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "libx.so").write_bytes(LIBRARY)
    root.link("/usr/local/lib", "../../../../outside")
    assert outcome(tmp_path, system_of(root)).kind is LoadClass.MISSING_LIBRARY
    # as chroot would see it
    root.write("/outside/libx.so", LIBRARY)
    process_of.cache_clear()
    assert outcome(tmp_path, system_of(root)).kind is LoadClass.LOADS


def cache(*rows: tuple[str, str]) -> bytes:
    """Make an ld.so.cache (sysdeps/generic/dl-cache.h)."""
    strings, entries = b"", b""
    for name, path in rows:
        key = 48 + 24 * len(rows) + len(strings)
        strings += name.encode() + b"\0" + path.encode() + b"\0"
        entries += struct.pack("<iIIIQ", 0x303, key, key + len(name) + 1, 0, 0)
    header = struct.pack("<II20x", len(rows), len(strings))
    return b"glibc-ld.so.cache1.1" + header + entries + strings


@pytest.mark.parametrize(
    ("prepare", "folders", "runpath", "expected"),
    [
        pytest.param(
            write("/usr/lib/x86_64-linux-gnu/libx.so"),
            DEBIAN_FOLDERS,
            None,
            LoadClass.LOADS,
            id="a folder of the loader's",
        ),
        pytest.param(
            write("/usr/lib64/libx.so"),
            DEBIAN_FOLDERS,
            None,
            LoadClass.MISSING_LIBRARY,
            id="a folder of another loader's",
        ),
        pytest.param(
            write("/usr/lib64/libx.so"),
            b"",
            None,
            LoadClass.LOADS,
            id="the folders of a loader that doesn't tell them",
        ),
        pytest.param(
            lambda root: [
                write("/opt/x/libx.so")(root),
                root.write("/etc/ld.so.cache", cache(("libx.so", "/opt/x/libx.so"))),
            ],
            DEBIAN_FOLDERS,
            None,
            LoadClass.LOADS,
            id="the cache",
        ),
        pytest.param(
            lambda root: root.write("/etc/ld.so.cache", cache(("libx.so", "/opt/x/libx.so"))),
            DEBIAN_FOLDERS,
            None,
            LoadClass.MISSING_LIBRARY,
            id="a cache that is out of date",
        ),
        pytest.param(
            write("/opt/lib/x86_64-linux-gnu/libx.so"),
            DEBIAN_FOLDERS,
            "/opt/$LIB",
            LoadClass.LOADS,
            id="$LIB of Debian",
        ),
        pytest.param(
            write("/opt/lib64/libx.so"), b"", "/opt/$LIB", LoadClass.LOADS, id="$LIB of others"
        ),
        pytest.param(
            write("/opt/lib64/libx.so"),
            b"\0/own/\0/lib64/\0/usr/lib64/\0",
            "/opt/$LIB",
            LoadClass.LOADS,
            id="$LIB by the second folder",
        ),
        pytest.param(
            write("/usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2/libx.so"),
            DEBIAN_FOLDERS,
            None,
            LoadClass.MISSING_LIBRARY,
            id="whose processor isn't known",
        ),
    ],
)
def test_libraries_on_glibc(
    tmp_path: Path,
    prepare: Callable[[RootMaker], object],
    folders: bytes,
    runpath: str | None,
    expected: LoadClass,
) -> None:
    root = glibc_root(tmp_path, folders)
    prepare(root)
    found = outcome(tmp_path, system_of(root, "cp39-glibc"), module(runpath=runpath))
    assert found.kind is expected


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("cp39-musl", module(None, "PyLong_FromLong"), None),
        ("cp39-musl", module(None, "memcpy"), None),
        (
            "cp39-musl",
            module(None, "no_such"),
            f"Error relocating {SITE}/p/m.so: no_such: symbol not found",
        ),
        (
            "cp39-musl",
            module("libx.so"),
            f"Error loading shared library libx.so: No such file or directory (needed by {SITE}/p/m.so)",
        ),
        ("cp39-glibc", module(None, "PyLong_FromLong"), None),
        ("cp39-glibc", module(None, "memcpy"), None),
        ("cp39-glibc", module(None, "no_such"), f"{SITE}/p/m.so: undefined symbol: no_such"),
    ],
)
def test_what_the_interpreter_and_its_libc_define(
    tmp_path: Path, name: str, content: bytes, expected: str | None
) -> None:
    root = glibc_root(tmp_path) if "glibc" in name else musl_root(tmp_path)
    assert outcome(tmp_path, system_of(root, name), content).sentence == expected


@pytest.mark.parametrize("name", ["cp39-glibc", "cp39-musl"])
def test_the_wheels_file_takes_the_place_of_one_that_lies_there(tmp_path: Path, name: str) -> None:
    root = glibc_root(tmp_path) if "glibc" in name else musl_root(tmp_path)
    root.write(f"{SITE}/p/m.so", b"an older one")
    root.write(f"{SITE}/x.libs/libx.so", b"an older one")
    content = module(runpath="$ORIGIN/../x.libs")
    system = system_of(root, name)
    found = outcome(tmp_path, system, content, {"x.libs/libx.so": LIBRARY})
    assert (found.kind, found.loaded) == (
        LoadClass.LOADS,
        (f"{SITE}/p/m.so", f"{SITE}/p/../x.libs/libx.so"),
    )
    # what the wheel doesn't have is there all the same
    root.write(f"{SITE}/y.libs/libx.so", LIBRARY)
    content = module(runpath="$ORIGIN/../y.libs")
    assert outcome(tmp_path, system, content).kind is LoadClass.LOADS
    found = outcome(tmp_path, system, content, {"y.libs/libx.so": shared_object()})
    assert found.kind is LoadClass.MISSING_SYMBOL


@pytest.mark.parametrize("name", ["cp39-musl", "cp39-glibc"])
def test_one_module_loads_after_another(tmp_path: Path, name: str) -> None:
    # a library that is loaded already is known by its name
    root = glibc_root(tmp_path) if "glibc" in name else musl_root(tmp_path)
    first = shared_object(symbols=["PyInit_n"], needed=["libx.so"], runpath="$ORIGIN/libs")
    found = {"p/m.so": module(needed="libx.so"), "p/n.so": first, "p/libs/libx.so": LIBRARY}
    wheel = make_wheel(tmp_path, found, tags="cp39-abi3-linux_x86_64")
    (target,) = check_wheel(wheel, [system_of(root, name)], check_tags=False).targets
    after, before = target.modules
    assert before.outcome is not None
    assert before.outcome.kind is LoadClass.LOADS
    assert after.outcome is not None
    assert after.outcome.kind is LoadClass.MISSING_LIBRARY
    assert after.outcome.loads_after == (f"{SITE}/p/n.so",)
    assert [each.code.id for each in after.findings] == ["WF209", "WF314"]


def test_site_packages_behind_a_link(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    root.path("/srv/packages/file")
    root.link(SITE, "/srv/packages")
    content = module(runpath="$ORIGIN/../x.libs")
    found = outcome(tmp_path, system_of(root), content, {"x.libs/libx.so": LIBRARY})
    assert found.kind is LoadClass.LOADS
    # by its real path, as another package may ask for it
    content = module(runpath="/srv/packages/x.libs")
    found = outcome(tmp_path, system_of(root), content, {"x.libs/libx.so": LIBRARY})
    assert found.kind is LoadClass.LOADS


def test_an_import_folder(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    system = replace(system_of(root), import_folder="/srv/app")
    found = outcome(tmp_path, system, more={"libx.so": LIBRARY}, content=module(runpath="/srv/app"))
    assert found.loaded == ("/srv/app/p/m.so", "/srv/app/libx.so")


def test_a_folder_of_the_wheel_in_the_place_of_a_library(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    content = module(runpath="$ORIGIN/..")
    found = outcome(tmp_path, system_of(root), content, {"libx.so/a.so": shared_object()})
    assert found.kind is LoadClass.WRONG_ELF


def without_executable(root: RootMaker) -> None:
    (root.folder / root.executable.lstrip("/")).unlink()


def with_executable(content: bytes) -> Callable[[RootMaker], None]:
    return lambda root: root.write(root.executable, content)


def without_loader(root: RootMaker) -> None:
    (root.folder / MUSL_LOADER.lstrip("/")).unlink()


def executable_in_a_circle(root: RootMaker) -> None:
    without_executable(root)
    root.link(root.executable, "python3.9")


def executable_outside(root: RootMaker) -> None:
    without_executable(root)
    outside = root.folder.parent / "python"
    outside.write_bytes(executable(MUSL_LOADER, "libc.musl-x86_64.so.1"))
    root.link(root.executable, str(outside))


@pytest.mark.parametrize(
    ("prepare", "subject"),
    [
        (without_executable, "/usr/bin/python3.9"),
        (executable_in_a_circle, "/usr/bin/python3.9"),
        (executable_outside, None),
        (with_executable(b"#!/bin/sh\n"), "/usr/bin/python3.9"),
        (with_executable(b""), "/usr/bin/python3.9"),
        (with_executable(executable(None, "libc.so")), "/usr/bin/python3.9"),
        (with_executable(executable(MUSL_LOADER, "libc.so")[:200]), "/usr/bin/python3.9"),
        (without_loader, MUSL_LOADER),
        (write(MUSL_LOADER, content=b"text"), MUSL_LOADER),
        (write(MUSL_LOADER, content=b"\x7fELF musl libc\0"), MUSL_LOADER),
    ],
)
def test_an_interpreter_that_cannot_be_read(
    tmp_path: Path, prepare: Callable[[RootMaker], None], subject: str | None
) -> None:
    root = musl_root(tmp_path)
    prepare(root)
    with pytest.raises(EnvironmentRefusedError) as caught:
        process_of(system_of(root))
    (finding,) = caught.value.findings
    assert finding.code.id == "WF520"
    assert finding.subject == (subject or str(root.folder.parent / "python"))


def test_nothing_tells_the_interpreter(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    system = replace(system_of(root, executable=None), label="a root")
    with pytest.raises(EnvironmentRefusedError, match="a root: nothing tells"):
        process_of(system)
    assert process_of(replace(system, executable=root.executable)) is not None


@pytest.mark.parametrize("changes", [{"libc": None}, {"loads_extension_modules": False}])
def test_no_loader_that_is_known(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert process_of(system_of(musl_root(tmp_path), **changes)) is None
    assert process_of(System(make_target("cp39-glibc", **changes))) is None


def test_a_root_that_was_read(tmp_path: Path) -> None:
    root = musl_root(tmp_path, libc=musl_libc(text=b"musl libc\0Version %s\n\0"))
    content = executable(MUSL_LOADER, "libc.musl-x86_64.so.1") + root.code()
    root.write(root.executable, content)
    root.write("/usr/lib/libx.so", LIBRARY)
    read = examine_root(str(root.folder))
    system = System(replace(read.target, executable=read.executable), str(root.folder))
    assert outcome(tmp_path, system).kind is LoadClass.LOADS
    assert system.name == "cpython 3.9.18 x86_64-linux-musl"


APK = "C:Q1\nP:musl\nV:{}\nA:aarch64\n"


@pytest.mark.parametrize(
    ("version", "packages", "expected"),
    [
        ("1.2.5", None, True),
        ("1.2.1", None, False),
        ("1.2.3", None, None),
        ("1.2.3", ("/lib/apk/db/installed", APK.format("1.2.3-r5")), True),
        ("1.2.3", ("/var/lib/dpkg/status", "Package: musl\nVersion: 1.2.3-1\n"), False),
    ],
)
def test_relative_relocations(
    tmp_path: Path,
    version: str,
    packages: tuple[str, str] | None,
    expected: bool | None,  # noqa: FBT001 - a column
) -> None:
    loader = "/lib/ld-musl-aarch64.so.1"
    root = musl_root(tmp_path, loader, musl_libc(version, AARCH64))
    root.write(root.executable, executable(loader, "libc.musl-aarch64.so.1", AARCH64))
    if packages is not None:
        root.write(*packages)
    found = process_of(system_of(root))
    assert found is not None
    assert isinstance(found.process, MuslProcess)
    assert found.process.loader.applies_relr is expected


def test_names_for_large_files(tmp_path: Path) -> None:
    names = b"\0aio_cancel\0aio_error\0aio_fsync\0open\0\0"
    root = musl_root(tmp_path, libc=musl_libc(text=names))
    assert outcome(tmp_path, system_of(root), module(None, "open64")).kind is LoadClass.LOADS


def test_a_process_with_other_files() -> None:
    whole = {"/p/m.so": facts(needed=["libx.so"], runpath="$ORIGIN/a")}
    process = musl(whole)
    assert process.dlopen("/p/m.so").kind is LoadClass.MISSING_LIBRARY
    more = files(
        {
            "/p/m.so": facts(needed=["libx.so"], runpath="$ORIGIN/b"),
            "/p/b/libx.so": facts(),
        }
    )
    # the folders of a file of that path were found out before
    other = process.with_files(more)
    assert other.dlopen("/p/m.so").loaded == ("/p/m.so", "/p/b/libx.so")
    assert process.dlopen("/p/m.so").kind is LoadClass.MISSING_LIBRARY
    assert other.libc is not process.libc
