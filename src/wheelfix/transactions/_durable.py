"""Syncs to the disk, for calls that must survive a loss of power."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wheelfix.transactions._journal import staging_of

if TYPE_CHECKING:
    from wheelfix.transactions._journal import Journal

__all__ = ["sync", "sync_folders_of", "sync_staged"]


def sync(path: str) -> None:
    """Sync one file or folder.

    :raises OSError: it can't be opened or synced.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_staged(journal: Journal) -> None:
    """Sync all that is staged, and the folders that hold the staging folders.

    :raises OSError: something can't be synced.
    """
    for place in journal.places:
        waiting = [staging_of(place)]
        while waiting:
            folder = waiting.pop()
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        sync(entry.path)
            sync(folder)
        sync(place)


def sync_folders_of(journal: Journal) -> None:
    """Sync the folders in which a commit has changed something.

    :raises OSError: one can't be synced.
    """
    folders = {os.path.dirname(journal.target(each)) for each in journal.operations}
    for folder in sorted(folders):
        # it may itself be one of those that are gone
        if os.path.isdir(folder):
            sync(folder)
