"""What the tools installed, compared; and the same files as an archive without compression."""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["differences", "make_tar", "read_tree"]

#: files that each installer writes in its own words, or not at all
_OWN = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "wheelfix.json"}


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        if path.parent.name == "bin" and stream.read(2) == b"#!":
            # each writes its own launcher for an entry point, and its own python behind #!
            return "a script"
        stream.seek(0)
        digest = hashlib.sha256()
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
        return digest.hexdigest()


def read_tree(prefix: Path) -> dict[str, str]:
    """Give each installed file's digest by its path, without bytecode and what only installers write."""
    digests = {}
    for folder, folders, files in os.walk(prefix):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for file in files:
            path = Path(folder, file)
            is_own = folder.endswith(".dist-info") and file in _OWN
            # uv's lock on the prefix
            if not is_own and path != prefix / ".lock":
                digests[str(path.relative_to(prefix))] = _digest(path)
    return digests


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """List the paths that are in one only, or differ."""
    return [
        f"{path}: {'missing' if path not in found else 'more' if path not in expected else 'differs'}"
        for path in sorted({*expected, *found})
        if expected.get(path) != found.get(path)
    ]


def make_tar(prefix: Path, archive: Path) -> tuple[int, int]:
    """Pack an installed tree; give the number of files and their bytes."""
    files, size = 0, 0
    with tarfile.open(archive, "w") as tar:
        tar.add(prefix, arcname=".")
        for member in tar.getmembers():
            files, size = files + member.isfile(), size + member.size
    return files, size
