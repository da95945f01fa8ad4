"""RECORD of one wheel: read, and held against the members (recording installed projects, wheel specification)."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from installer.records import Hash
from installer.utils import copyfileobj_with_hashing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import TypeAlias

    #: path, hash with its name, size; hash and size may be empty
    RecordRow: TypeAlias = tuple[str, str, str]

__all__ = ["STRONG_HASHES", "Record", "content_issue", "read_record", "row_issue"]

_SIGNATURES = frozenset({"RECORD.jws", "RECORD.p7s"})
_ELEMENTS = 3
#: digits of the largest 64-bit number
_MAX_SIZE_LENGTH = 20
#: "sha256 or better" (wheel specification, "Signed wheel files")
STRONG_HASHES = frozenset(
    {
        *("sha256", "sha384", "sha512"),
        *("sha3_256", "sha3_384", "sha3_512"),
        *("blake2b", "blake2s"),
    }
)


class Record(NamedTuple):
    """The rows of a RECORD.

    :param rows: by path; of several for one path the last.
    :param conflicts: the paths that have several rows, which disagree.
    :param hash_names: of all hashes in it.
    :param malformed: the paths whose digest has not the length of urlsafe base64 without padding (PEP 376, PEP 427).
    """

    rows: Mapping[str, RecordRow]
    conflicts: Sequence[str]
    hash_names: set[str]
    malformed: Sequence[str]


def read_record(text: str) -> Record:
    """Read a RECORD.

    :raises ValueError: if a row can't be read, or names a hash that can't be computed.
    """
    try:
        # str.splitlines would also end a line within a file's name, at U+2028 for one
        elements = list(csv.reader(io.StringIO(text, newline=""), lineterminator="\n"))
    except csv.Error as error:
        raise ValueError(f"RECORD can't be read: {error}") from error
    for index, row in enumerate(elements):
        if len(row) != _ELEMENTS:
            sentence = f"Row Index {index}: expected {_ELEMENTS} elements, got {len(row)}"
            raise ValueError(f"RECORD can't be read: {sentence}")
    if "\\" in text:
        # as installer.records.parse_record_file does
        elements = [[path.replace("\\", "/"), *rest] for path, *rest in elements]
    rows = {path: (path, hash_, size) for path, hash_, size in elements}
    conflicts = []
    if len(rows) < len(elements):
        conflicts = sorted({row[0] for row in elements if tuple(row) != rows[row[0]]})
    hashes = {row[1] for row in elements}
    hash_names = _checked_hash_names(hashes)
    if "" in rows:
        raise ValueError("RECORD can't be read: `path` cannot be empty")
    if not all(map(_is_size, {row[2] for row in elements})):
        raise ValueError("RECORD can't be read: `size` cannot be non-integer")
    return Record(rows, conflicts, hash_names, _malformed(rows, hashes, hash_names))


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


def _checked_hash_names(hashes: set[str]) -> set[str]:
    """Refuse what ``installer.records.RecordEntry.from_elements`` refuses, and hashes that can't be computed.

    :raises ValueError: at the first of them.
    """
    names = {name for name, separator, _ in (each.partition("=") for each in hashes) if separator}
    if not all("=" in each for each in hashes if each):
        raise ValueError("RECORD can't be read: `hash` does not follow the required format")
    for name in sorted(names):
        if not _is_usable(name):
            raise ValueError(f"RECORD uses an unknown hash, {name!r}")
    return names


def _malformed(rows: Mapping[str, RecordRow], hashes: set[str], names: set[str]) -> list[str]:
    lengths = {
        name: len(name) + 1 + _base64_length(hashlib.new(name).digest_size) for name in names
    }
    if set(map(len, hashes)) <= {0, *lengths.values()} and len(names) <= 1:
        return []
    return [
        path
        for path, hash_, _ in rows.values()
        if hash_ and len(hash_) != lengths[hash_.partition("=")[0]]
    ]


def _base64_length(size: int) -> int:
    """Give the length without padding."""
    return (size * 4 + 2) // 3


def _is_size(text: str) -> bool:
    """Say whether it is empty, or a number of bytes; int takes more forms, and no more than 4,300 digits."""
    return not text or (text.isdigit() and text.isascii() and len(text) <= _MAX_SIZE_LENGTH)


def _is_usable(hash_name: str) -> bool:
    """Say whether installer can compute it: 0.7.0 doesn't look, 1.x takes all that hashlib lists.

    hashlib lists some that OpenSSL won't give, and the shake ones, whose digests have no length of their own.
    """
    try:
        return hashlib.new(hash_name).digest_size > 0
    except ValueError:
        return False
