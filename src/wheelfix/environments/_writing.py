"""Files that are staged: further names of installed ones, and the metadata that tells of them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from typing import TYPE_CHECKING

from wheelfix.environments._notes import FILE_NAME
from wheelfix.environments._place import encoded
from wheelfix.transactions import Rank

if TYPE_CHECKING:
    from wheelfix.environments._notes import Notes
    from wheelfix.environments._record_text import RecordText
    from wheelfix.transactions import Transaction

__all__ = ["stage_metadata", "stage_name"]


def stage_name(transaction: Transaction, path: str, new_path: str) -> None:
    """Stage a further name of a file; of a link it is another link.

    :param path: absolute, as it is installed.
    :param new_path: absolute.
    :raises OSError: it can't be made.
    """
    staged = transaction.stage(new_path, Rank.PACKAGES)
    try:
        os.link(path, staged, follow_symlinks=False)
    except OSError:
        # no hard links there, or none to a file of somebody else (sysctl fs.protected_hardlinks)
        shutil.copy2(path, staged, follow_symlinks=False)


def stage_metadata(transaction: Transaction, info: str, record: RecordText, notes: Notes) -> None:
    """Stage RECORD and ``wheelfix.json``, or let the latter go if nothing is left to be told.

    :param info: the dist-info folder.
    :raises OSError: one can't be written.
    """
    path = os.path.join(info, FILE_NAME)
    row = f"{os.path.basename(info)}/{FILE_NAME}"
    if notes.is_empty:
        transaction.remove(path)
        record.remove(row)
    else:
        content = notes.text().encode()
        _write(transaction, path, content, info)
        record.put(row, f"sha256={encoded(hashlib.sha256(content).digest())}", len(content))
    _write(transaction, os.path.join(info, "RECORD"), record.text.encode(), info)


def _write(transaction: Transaction, path: str, content: bytes, info: str) -> None:
    """Stage a file with the owner and mode of RECORD, which lies beside it."""
    model = os.stat(os.path.join(info, "RECORD"))
    staged = transaction.stage(path, Rank.METADATA)
    with open(staged, "xb") as stream:
        stream.write(content)
        os.chmod(staged, stat.S_IMODE(model.st_mode))
        # who may not do it has no other's files to change either
        with contextlib.suppress(PermissionError):
            os.chown(staged, model.st_uid, model.st_gid)
