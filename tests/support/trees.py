"""Compares folders as a whole."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["names", "tree"]


def tree(folder: Path) -> dict[str, tuple[str, int, bytes]]:
    """Read all that a folder holds: by relative path its kind, its permissions and its content.

    Links are not followed; a link's content is where it leads.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            row = ("link", 0, os.fsencode(os.readlink(path)))
        elif stat.S_ISDIR(mode):
            row = ("folder", stat.S_IMODE(mode), b"")
        else:
            row = ("file", stat.S_IMODE(mode), path.read_bytes())
        found[path.relative_to(folder).as_posix()] = row
    return found


def names(entries: Mapping[str, tuple[str, int, bytes]]) -> set[str]:
    """Give the paths of the files and links in a tree."""
    return {path for path, (kind, _, _) in entries.items() if kind != "folder"}
