"""RECORD of one wheel: read, and held against the members (recording installed projects, wheel specification)."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from installer.records import Hash, InvalidRecordEntry, RecordEntry, parse_record_file
from installer.utils import copyfileobj_with_hashing

if TYPE_CHECKING:
    from typing_extensions import TypeAlias

    #: path, hash with its name, size; hash and size may be empty
    RecordRow: TypeAlias = tuple[str, str, str]

__all__ = ["content_issue", "read_record", "row_issue"]

_SIGNATURES = frozenset({"RECORD.jws", "RECORD.p7s"})


def read_record(text: str) -> dict[str, RecordRow]:
    """Read the rows of a RECORD, by path.

    :raises ValueError: if a row can't be read, or names a hash that can't be computed.
    """
    try:
        # str.splitlines would also end a line within a file's name, at U+2028 for one
        rows = list(parse_record_file(io.StringIO(text, newline="")))
        hash_names = {row[1].partition("=")[0] for row in rows if "=" in row[1]}
        unknown = sorted(name for name in hash_names if not _is_usable(name))
        if not unknown:
            for row in rows:
                RecordEntry.from_elements(*row)
    # csv.Error is an Exception of its own kind, and csv is installer's affair
    except Exception as error:
        sentence = "; ".join(error.issues) if isinstance(error, InvalidRecordEntry) else str(error)
        raise ValueError(f"RECORD can't be read: {sentence}") from error
    if unknown:
        raise ValueError(f"RECORD uses an unknown hash, {unknown[0]!r}")
    return {row[0]: row for row in rows}


def row_issue(row: RecordRow | None, dist_info_path: str | None) -> str | None:
    """Say what is wrong with a member's row, as ``installer.sources.WheelFile.validate_record`` of 1.1 does.

    :param row: None if the member has none.
    :param dist_info_path: the member's path in the dist-info folder, None if it lies elsewhere.
    """
    if (dist_info_path or "").rpartition("/")[2] in _SIGNATURES:
        return None if row is None else "a signature must not be listed in RECORD"
    if row is None:
        return "it is not listed in RECORD"
    if dist_info_path == "RECORD":
        return "RECORD must not list its own hash or size" if row[1] or row[2] else None
    return None if row[1] and row[2] else "RECORD lists no hash or no size for it"


def content_issue(row: RecordRow, stream: BinaryIO) -> str | None:
    """Say what is wrong with a member's bytes.

    :param row: with hash and size.
    """
    hash_ = Hash.parse(row[1])
    with Path(os.devnull).open("wb") as nowhere:
        found = copyfileobj_with_hashing(stream, nowhere, hash_.name)
    matches = found == (hash_.value, int(row[2]))
    return None if matches else "its hash or size is not the one in RECORD"


def _is_usable(hash_name: str) -> bool:
    """Say whether installer can compute it: 0.7.0 doesn't look, 1.x takes all that hashlib lists.

    hashlib lists some that OpenSSL won't give, and the shake ones, whose digests have no length of their own.
    """
    try:
        return hashlib.new(hash_name).digest_size > 0
    except ValueError:
        return False
