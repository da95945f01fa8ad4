"""Files that lie among those of distributions, and that no RECORD lists."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.environments._survey import paths_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wheelfix.environments._survey import Found

__all__ = ["foreign_files"]

_BYTECODE_FOLDER = "__pycache__"


def foreign_files(wanted: Sequence[Found], installed: Iterable[Found]) -> dict[str, list[Finding]]:
    """Find the files in the folders that distributions have their own files in.

    The site folder itself isn't looked through, nor are links to folders, nor bytecode. A folder of which no RECORD
    lists a file is named as a whole.

    :param wanted: whose folders are looked through.
    :param installed: all that are in the environment.
    :return: by dist-info folder of the first distribution that has a file there.
    """
    listed: dict[str, set[str]] = {}
    for each in installed:
        listed.setdefault(each.site, set()).update(paths_of(each.record or ""))
    known = {site: _folders_of(paths) for site, paths in listed.items()}
    found: dict[str, list[Finding]] = {}
    seen: set[tuple[str, str]] = set()
    for each in wanted:
        for folder in sorted(_folders_of(paths_of(each.record or ""))):
            if (each.site, folder) not in seen:
                seen.add((each.site, folder))
                paths = _foreign_in(each.site, folder, listed[each.site], known[each.site])
                found.setdefault(each.info, []).extend(
                    Finding(codes.FOREIGN_FILE, path, "no RECORD lists it") for path in paths
                )
    return found


def _folders_of(paths: Iterable[str]) -> set[str]:
    """Give the folders below the site folder that files lie in, and those around them."""
    folders = {path.rpartition("/")[0] for path in paths}
    waiting = [*folders]
    for folder in waiting:
        above = folder.rpartition("/")[0]
        if above not in folders:
            folders.add(above)
            waiting.append(above)
    return {
        folder
        for folder in folders
        if folder and not folder.startswith(("/", "..")) and not folder.endswith(_BYTECODE_FOLDER)
    }


def _foreign_in(site: str, folder: str, listed: set[str], known: set[str]) -> list[str]:
    found = []
    try:
        with os.scandir(f"{site}/{folder}") as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}"
                if path in listed or path in known or entry.name == _BYTECODE_FOLDER:
                    continue
                is_folder = entry.is_dir(follow_symlinks=False)
                found.append(f"{path}/" if is_folder else path)
    except OSError:
        # one that is gone or can't be listed: its files are told of one by one
        return []
    return sorted(found)
