"""Makes wheelfix.pyz: wheelfix and what it needs in one file that any Python from 3.9 on runs.

    python tests/make_pyz.py OUTPUT

It holds the wheelfix that this interpreter imports, and the wheels that data/pyz_requirements.txt pins; pip downloads
them. The same wheelfix gives the same bytes: members are sorted and have the time of SOURCE_DATE_EPOCH.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import wheelfix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["REQUIREMENTS", "download", "make_pyz"]

REQUIREMENTS = Path(__file__).parent / "data" / "pyz_requirements.txt"

# Not zipapp's own: it drops the exit status.
MAIN = """\
import sys

if sys.version_info < (3, 9):
    sys.exit("wheelfix.pyz: error: Python 3.9 or newer is needed")

from wheelfix.__main__ import main

sys.exit(main("wheelfix.pyz"))
"""

SHEBANG = b"#!/usr/bin/env python3\n"
# the first and the last that a zip archive can tell
EARLIEST, LATEST = 315532800, 4354819198
COMPILED = (".so", ".pyd", ".dylib", ".dll")


def download(folder: Path) -> None:
    """Have pip download the pinned wheels; it checks their hashes.

    :raises subprocess.CalledProcessError: it doesn't.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    command += ["download", "--quiet", "--retries", "5", "--no-deps", "--only-binary", ":all:"]
    command += ["--python-version", "3.9", "--platform", "any", "--require-hashes"]
    command += ["--dest", str(folder), "--requirement", str(REQUIREMENTS)]
    subprocess.run(command, check=True)


def make_pyz(output: Path, wheels: Iterable[Path], environment: Mapping[str, str]) -> None:
    """Write the file.

    :param wheels: of what wheelfix needs.
    :param environment: SOURCE_DATE_EPOCH counts.
    :raises ValueError: a wheel isn't pure Python, or two bring the same file.
    """
    members = {"__main__.py": MAIN.encode()}
    for name, content in _all_members(wheels):
        if name in members:
            raise ValueError(f"{name} comes twice")
        if name.endswith(COMPILED):
            raise ValueError(f"{name} is compiled code")
        members[name] = content
    epoch = int(environment.get("SOURCE_DATE_EPOCH") or EARLIEST)
    moment = time.gmtime(min(max(epoch, EARLIEST), LATEST))
    with output.open("wb") as stream:
        stream.write(SHEBANG)
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in sorted(members):
                archive.writestr(_member(name, moment), members[name])
    output.chmod(0o755)


def _member(name: str, moment: time.struct_time) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, moment[:6])
    member.compress_type = zipfile.ZIP_DEFLATED
    member.create_system = 3
    member.external_attr = 0o100644 << 16
    return member


def _all_members(wheels: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    yield from _own_members()
    for wheel in wheels:
        yield from _members_of(wheel)


def _own_members() -> Iterator[tuple[str, bytes]]:
    package = Path(wheelfix.__file__).parent
    # (a checkout has a link to data/)
    for folder, folders, files in os.walk(package, followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for file in files:
            path = Path(folder, file)
            yield f"wheelfix/{path.relative_to(package).as_posix()}", path.read_bytes()
    licence = Path(__file__).parent.parent / "LICENSE"
    yield "LICENSE", licence.read_bytes()


def _members_of(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """Give the packages of a wheel, and of its metadata what is still true in the one file."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            first, _, rest = name.partition("/")
            is_stale = first.endswith(".dist-info") and rest in {"RECORD", "WHEEL"}
            if not name.endswith("/") and not first.endswith(".data") and not is_stale:
                yield name, archive.read(name)


def main() -> int:
    """Make what the command line names."""
    parser = argparse.ArgumentParser(description="Make wheelfix.pyz.")
    parser.add_argument("output", type=Path, metavar="OUTPUT")
    output = parser.parse_args().output
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        download(Path(folder))
        make_pyz(output, sorted(Path(folder).glob("*.whl")), os.environ)
    sys.stdout.write(f"{output}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
