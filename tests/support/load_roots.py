"""Small root file systems to load modules in: one for each libc, with interpreters and libz.

They hold Debian's musl 1.2.3 (bookworm) and 1.2.5 (trixie), this machine's glibc, and trixie's
glibc 2.41, each as its own ``/``. Nothing is mounted: a process enters one by chroot, without
privileges and without a network.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_ST_INFO_BIND, ENUM_ST_INFO_TYPE

from support.cache import cache_folder
from support.debian_packages import packages, run_tool
from support.interpreters import CannotBuildError, glibc_interpreters, musl_interpreter

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

__all__ = ["LOADER", "ROOTS", "LoadRoot", "RootInterpreter", "load_root", "locked", "roots_folder"]

# Raise this when a change here makes the roots that are cached by now wrong.
RECIPE = 1

# Every root by name, with its libc.
ROOTS = {"musl-1.2.3": "musl", "musl-1.2.5": "musl", "glibc": "glibc", "glibc-2.41": "glibc"}

MUSL_INTERPRETERS = (
    "cp39-gnu",
    "cp39-musl",
    "cp39-musl-fallback",
    "cp311-musl",
    "cp311-gnu",
    "cp313-musl",
    "cp313t-musl",
)
LOADER = {"musl": "lib/ld-musl-x86_64.so.1", "glibc": "lib64/ld-linux-x86-64.so.2"}
MUSL_SUITES = {"musl-1.2.3": "bookworm", "musl-1.2.5": "trixie"}
# CPython that was built on musl 1.2.5 names these, which 1.2.3 lacks.
NEWER_THAN_1_2_3 = {"preadv2", "pwritev2"}
# What CPython and most wheels count on beside glibc.
GLIBC_PACKAGES = ("libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libffi8", "libcrypt1")
NOBODY = "65534:65534"


@dataclass(frozen=True)
class RootInterpreter:
    """An interpreter in a root.

    :param path: as a process in the root sees it.
    :param version: as in (3, 11).
    :param digest: changes with the interpreter's files.
    """

    name: str
    path: str
    version: tuple[int, int]
    digest: str


@dataclass(frozen=True)
class LoadRoot:
    """One root.

    :param folder: where it lies.
    :param digest: changes with its libc's files.
    """

    name: str
    libc: str
    folder: Path
    digest: str
    interpreters: Mapping[str, RootInterpreter]

    def command(self, interpreter: str, *arguments: str) -> list[str]:
        """Give the command line that runs an interpreter in this root."""
        inside = [str(self.folder), self.interpreters[interpreter].path, *arguments]
        if os.geteuid() == 0:
            return ["unshare", "--net", "chroot", f"--userspec={NOBODY}", *inside]
        return ["unshare", "--map-root-user", "--net", "chroot", *inside]


def roots_folder() -> Path:
    """Give the folder that holds all roots."""
    return cache_folder() / "load_roots"


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Keep other test runs out of the roots' folder while it changes."""
    roots_folder().mkdir(parents=True, exist_ok=True)
    with (roots_folder() / "lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _digest(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _debian() -> Path:
    return roots_folder() / "debian"


# --- libc -------------------------------------------------------------------------------------


def _add_musl(name: str, root: Path) -> None:
    (archive,) = packages(_debian(), MUSL_SUITES[name], "musl")
    with tempfile.TemporaryDirectory() as folder:
        run_tool("dpkg-deb", "-x", str(archive), folder)
        (library,) = Path(folder).glob("**/x86_64-linux-musl/libc.so")
        version = name.split("-")[1].encode()
        if b"\0" + version + b"\0" not in library.read_bytes():
            raise CannotBuildError(f"{archive.name} is not musl {version.decode()}")
        shutil.copy(library, root / LOADER["musl"])
    # As on Alpine, whose libc.musl-x86_64.so.1 is what modules need; no path file, so the loader
    # looks into its own default folders.
    (root / "lib/libc.musl-x86_64.so.1").symlink_to(Path(LOADER["musl"]).name)
    # (musl_interpreters.sh builds libz beside the loader; Alpine's python3 always brings one)
    shutil.copy(cache_folder() / "interpreters/musl/lib/libz.so.1", root / "lib/libz.so.1")


def _merge_usr(root: Path) -> None:
    for name in ("lib", "lib64"):
        (root / name).rmdir()
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")


def _add_own_glibc(root: Path) -> None:
    """Copy the shared libraries of this machine's packages, and give the root an ld.so.cache."""
    _merge_usr(root)
    listed = run_tool("dpkg-query", "-L", *GLIBC_PACKAGES).splitlines()
    for file in dict.fromkeys(listed):
        if ".so" in os.path.basename(file) and os.path.isfile(file):
            copy = root / file.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.exists():
                shutil.copy(file, copy, follow_symlinks=False)
    (root / "etc/ld.so.conf").write_text("/usr/local/lib\n/usr/lib/x86_64-linux-gnu\n")
    run_tool(shutil.which("ldconfig", path="/sbin:/usr/sbin") or "ldconfig", "-r", str(root))


def _add_trixie_glibc(root: Path) -> None:
    """Unpack trixie's packages; no ld.so.cache, so that the default folders decide."""
    _merge_usr(root)
    with tempfile.TemporaryDirectory() as folder:
        for archive in packages(_debian(), "trixie", *GLIBC_PACKAGES):
            run_tool("dpkg-deb", "-x", str(archive), folder)
        for name in ("lib", "lib64"):
            tree = Path(folder, "usr", name)
            shutil.copytree(tree, root / "usr" / name, symlinks=True, dirs_exist_ok=True)
    # (character set converters: 12 MB that no module needs to load)
    shutil.rmtree(root / "usr/lib/x86_64-linux-gnu/gconv", ignore_errors=True)


# --- interpreters -----------------------------------------------------------------------------


def _version(executable: Path) -> tuple[int, int]:
    major, minor = executable.resolve().name.replace("python", "").rstrip("tm").split(".")
    return int(major), int(minor)


def _copy_python(executable: Path, prefix: Path) -> RootInterpreter:
    """Copy executable, libpython and standard library; give the interpreter with its host path."""
    real = executable.resolve()
    home = real.parent.parent
    (prefix / "bin").mkdir(parents=True)
    shutil.copy(real, prefix / "bin")
    libraries = sorted((home / "lib").glob("libpython3.*.so.*"))
    major, minor = _version(executable)
    (standard,) = (path for path in (home / "lib").glob(f"python{major}.{minor}*") if path.is_dir())
    unused = ("test", "tests", "idlelib", "lib2to3", "ensurepip", "site-packages", "tkinter")
    ignored = shutil.ignore_patterns(*unused, "__pycache__", "config-*", "*.a")
    shutil.copytree(standard, prefix / "lib" / standard.name, ignore=ignored, symlinks=True)
    for library in libraries:
        shutil.copy(library, prefix / "lib")
    digest = _digest(real, *libraries)
    return RootInterpreter("", str(prefix / "bin" / real.name), (major, minor), digest)


def _use_loader_of_root(executable: Path) -> None:
    """Shorten PT_INTERP, a path in the cache, to where every musl has its loader."""
    data = executable.read_bytes()
    old = re.search(rb"/[^\0]+/ld-musl-x86_64\.so\.1\0", data[:8192])
    if old is None:
        raise CannotBuildError(f"{executable.name} names no musl loader")
    new = f"/{LOADER['musl']}".encode().ljust(len(old[0]), b"\0")
    executable.write_bytes(data.replace(old[0], new, 1))


def _weaken(executable: Path, names: Container[str]) -> None:
    """Make undefined symbols weak, so that a loader without them starts the executable."""
    with executable.open("r+b") as stream:
        section: Any = ELFFile(stream).get_section_by_name(".dynsym")
        symbols = [
            (number, symbol["st_info"]["type"])
            for number, symbol in enumerate(section.iter_symbols())
            if symbol.name in names and symbol["st_shndx"] == "SHN_UNDEF"
        ]
        for number, kind in symbols:
            # Elf64_Sym: st_info follows the four bytes of st_name.
            stream.seek(section["sh_offset"] + number * section["sh_entsize"] + 4)
            info = ENUM_ST_INFO_BIND["STB_WEAK"] << 4 | ENUM_ST_INFO_TYPE[kind]
            stream.write(bytes([info]))


def _sources(libc: str) -> dict[str, Path]:
    if libc == "musl":
        return {name: musl_interpreter(name).executable for name in MUSL_INTERPRETERS}
    found = glibc_interpreters()
    # (a Debian python3 has its files in /usr, where the root's libc lies: pyenv's are enough)
    named = {version: found[version].executable for version in found}
    return {
        f"cpython-{version}": path
        for version, path in named.items()
        if path.resolve().parent.parent != Path("/usr")
    }


def _add_interpreters(name: str, root: Path) -> Iterator[RootInterpreter]:
    libc = ROOTS[name]
    for python, executable in _sources(libc).items():
        # pyenv's executables find libpython by an absolute RUNPATH, so they keep their place.
        home = executable.resolve().parent.parent
        inside = f"/opt/{python}" if libc == "musl" else str(home)
        copied = _copy_python(executable, root / inside.lstrip("/"))
        if libc == "musl":
            _use_loader_of_root(Path(copied.path))
        if name == "musl-1.2.3":
            _weaken(Path(copied.path), NEWER_THAN_1_2_3)
        path = f"{inside}/bin/{Path(copied.path).name}"
        yield RootInterpreter(python, path, copied.version, copied.digest)


# --- whole roots ------------------------------------------------------------------------------


def _build(name: str, root: Path) -> Sequence[RootInterpreter]:
    root.chmod(0o755)
    for folder in ("lib", "lib64", "etc", "dev", "tmp", "usr/local/lib", "wheels", "probe"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "dev/null").touch()
    (root / "dev/null").chmod(0o666)
    if ROOTS[name] == "musl":
        _add_musl(name, root)
    else:
        (_add_own_glibc if name == "glibc" else _add_trixie_glibc)(root)
    return list(_add_interpreters(name, root))


def _libc_digest(root: Path) -> str:
    return _digest(*(path for path in sorted((root / "lib").rglob("*.so*")) if path.is_file()))


def _stamp(name: str) -> str:
    """Say what a root is made from: where that changes, the root is made anew."""
    parts: list[object] = [RECIPE, name, MUSL_SUITES.get(name)]
    files = [path.resolve() for path in _sources(ROOTS[name]).values()]
    if name == "glibc":
        files += map(Path, run_tool("dpkg-query", "-L", "libc6").split())
    for path in files:
        if path.is_file():
            parts += [str(path), path.stat().st_size, path.stat().st_mtime_ns]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@functools.cache
def load_root(name: str) -> LoadRoot:
    """Give a root, after building it where it is not there yet.

    :param name: one of :data:`ROOTS`.
    :raises CannotBuildError: not on this machine.
    :raises BuildError: an interpreter's build failed.
    """
    stamp = _stamp(name)
    folder = roots_folder() / name
    note = roots_folder() / f"{name}.json"
    with locked():
        known = json.loads(note.read_text("utf-8")) if note.exists() else {}
        if known.get("stamp") != stamp or not folder.is_dir():
            note.unlink(missing_ok=True)
            with tempfile.TemporaryDirectory(dir=roots_folder()) as temporary:
                new = Path(temporary, "root")
                new.mkdir()
                interpreters = _build(name, new)
                digest = _libc_digest(new)
                shutil.rmtree(folder, ignore_errors=True)
                new.rename(folder)
            rows = [vars(interpreter) for interpreter in interpreters]
            known = {"stamp": stamp, "digest": digest, "interpreters": rows}
            note.write_text(json.dumps(known, indent=1), "utf-8")
    found = (
        RootInterpreter(**{**row, "version": (row["version"][0], row["version"][1])})
        for row in known["interpreters"]
    )
    return LoadRoot(
        name, ROOTS[name], folder, known["digest"], {python.name: python for python in found}
    )
