"""Makes wheels out of real ones: other tags, other names, the same machine code."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from support.wheel_maker import make_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["file_ending", "members", "repack"]


def members(wheel: Path) -> dict[str, bytes]:
    """Read all files of a wheel but those of dist-info."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            path: archive.read(path)
            for path in archive.namelist()
            if not path.endswith("/") and ".dist-info/" not in path
        }


def file_ending(wheel: Path, ending: str) -> bytes:
    """Read the one file of a wheel whose path ends so."""
    (content,) = (content for path, content in members(wheel).items() if path.endswith(ending))
    return content


def repack(
    wheel: Path, folder: Path, *, tags: str, renamed: Mapping[str, str] | None = None
) -> Path:
    """Make a wheel of the same files with other tags.

    :param folder: where it goes; it is made.
    :param renamed: parts of paths, and what stands in their place.
    """
    name, version = wheel.name.split("-")[:2]
    files = {}
    for path, content in members(wheel).items():
        new_path = path
        for old, new in (renamed or {}).items():
            new_path = new_path.replace(old, new)
        files[new_path] = content
    folder.mkdir(exist_ok=True)
    return make_wheel(folder, files, name=name, version=version, tags=tags)
