"""Real wheels, unpacked once and linked into the roots that load their modules."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

from support.load_probe import is_native
from support.load_roots import RootInterpreter, locked, roots_folder
from support.wheels import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from support.load_roots import LoadRoot
    from support.wheels import KnownWheel

__all__ = ["Unpacked", "fitting", "link_into", "other", "unpack"]

# Raise this when a change here makes what is unpacked by now wrong.
RECIPE = 2


@dataclass(frozen=True)
class Unpacked:
    """A wheel's files as they lie in each root, below ``/wheels``.

    :param modules: path in the wheel and in the unpacked folder, of what exports an init function.
    :param libraries: the same of other shared objects.
    :param alone: the wheel needs no other one.
    :param native: its modules are for x86-64.
    """

    file: str
    sha256: str
    modules: tuple[tuple[str, str], ...]
    libraries: tuple[tuple[str, str], ...]
    alone: bool
    native: bool

    @property
    def inside(self) -> str:
        """Give the folder as a process in a root sees it."""
        return f"/wheels/{self.sha256[:12]}"


def _installed_path(member: str) -> str:
    """Give the path below site-packages that an installer would write the member to."""
    return re.sub(r"^[^/]+\.data/(?:platlib|purelib)/", "", member)


def _is_alone(archive: zipfile.ZipFile) -> bool:
    (name,) = (n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
    metadata = HeaderParser().parsestr(archive.read(name).decode("utf-8"))
    needed = metadata.get_all("Requires-Dist") or []
    return not [requirement for requirement in needed if "extra ==" not in requirement]


def _wanted(archive: zipfile.ZipFile, *, alone: bool) -> Iterator[tuple[zipfile.ZipInfo, bool]]:
    """List the members to unpack, each with whether it is ELF."""
    for info in archive.infolist():
        if info.is_dir():
            continue
        with archive.open(info) as stream:
            is_elf = stream.read(4) == b"\x7fELF"
        small = info.file_size < 1 << 20
        if is_elf or info.filename.endswith(".py") or (alone and small):
            yield info, is_elf


def _unpack(archive: zipfile.ZipFile, wheel: KnownWheel, folder: Path) -> Unpacked:
    alone = _is_alone(archive)
    modules: list[tuple[str, str]] = []
    libraries: list[tuple[str, str]] = []
    for info, is_elf in _wanted(archive, alone=alone):
        place = _installed_path(info.filename)
        path = folder / place
        if folder.resolve() not in path.resolve().parents:
            raise ValueError(f"{wheel.file}: {info.filename} lies outside")
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as source, path.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        path.chmod(0o755)
        if is_elf and re.search(r"\.so(\.\d+)*$", place):
            data = path.read_bytes()
            is_module = place.endswith(".so") and (b"\0PyInit_" in data or b"PyModExport_" in data)
            (modules if is_module else libraries).append((info.filename, place))
    native = all(is_native(folder / place) for _, place in modules or libraries)
    return Unpacked(wheel.file, wheel.sha256, tuple(modules), tuple(libraries), alone, native)


def unpack(wheel: KnownWheel) -> Unpacked:
    """Give a wheel's files, after downloading and unpacking it where that was not done yet.

    :raises DownloadError: the wheel can't be had.
    """
    folder = roots_folder() / "wheels" / wheel.sha256[:12]
    note = folder.with_suffix(f".{RECIPE}.json")
    if note.exists():
        known = json.loads(note.read_text("utf-8"))
        for name in ("modules", "libraries"):
            known[name] = tuple((member, place) for member, place in known[name])
        return Unpacked(**known)
    archive = fetch(wheel)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        new = Path(temporary, "new")
        new.mkdir()
        with zipfile.ZipFile(archive) as opened:
            unpacked = _unpack(opened, wheel, new)
        with locked():
            shutil.rmtree(folder, ignore_errors=True)
            new.rename(folder)
            note.write_text(json.dumps(asdict(unpacked)), "utf-8")
    return unpacked


def link_into(root: LoadRoot, wheel: Unpacked) -> None:
    """Put the wheel's files into a root, as hard links."""
    target = root.folder / wheel.inside.lstrip("/")
    if target.is_dir():
        return
    source = roots_folder() / "wheels" / wheel.sha256[:12]
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        new = Path(temporary, "new")
        shutil.copytree(source, new, copy_function=os.link)
        for folder, _, _ in os.walk(new):
            os.chmod(folder, 0o755)
        if not target.is_dir():
            new.rename(target)


def _fits(tag: str, abi: str, python: RootInterpreter) -> bool:
    major, minor = python.version
    threaded = python.path.endswith("t")
    if abi == "none":
        return tag in {f"py{major}", f"cp{major}{minor}", f"py{major}{minor}"}
    if abi == "abi3" and not threaded:
        return int(tag[3:] or 0) <= minor
    return abi.rstrip("mu") == f"cp{major}{minor}" + "t" * threaded


def fitting(file: str, pythons: Sequence[RootInterpreter]) -> list[RootInterpreter]:
    """List the interpreters that a wheel's Python and ABI tags fit, by version."""
    tags = parse_wheel_filename(file)[3]
    found = [p for p in pythons if any(_fits(tag.interpreter, tag.abi, p) for tag in tags)]
    return sorted(found, key=lambda python: python.version)


def other(file: str, pythons: Sequence[RootInterpreter]) -> list[RootInterpreter]:
    """List the interpreters that a wheel's tags don't fit, the nearest version first."""
    fit = fitting(file, pythons)
    minors = [int(tag.interpreter[3:] or 0) for tag in parse_wheel_filename(file)[3]]
    rest = [python for python in pythons if python not in fit]
    return sorted(rest, key=lambda python: min(abs(python.version[1] - m) for m in minors))
