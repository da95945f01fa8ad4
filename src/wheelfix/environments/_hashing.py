"""Installed files held against the rows of their RECORD."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.codes import Code, Finding
from wheelfix.environments._place import encoded
from wheelfix.installed import final_paths
from wheelfix.record import STRONG_HASHES, read_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Callable

    from wheelfix.environments._place import Place
    from wheelfix.environments._survey import Found

__all__ = ["Verified", "verify_files"]

#: bytes that are read at once
_READ_SIZE = 1024 * 1024
#: never in RECORD with a hash (wheel specification, "Signed wheel files")
_WITHOUT_HASH = ("/RECORD", "/RECORD.jws", "/RECORD.p7s")
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


class Verified(NamedTuple):
    """What the files of a distribution are like.

    :param sound: how many have the hash that RECORD gives.
    :param findings: about the others.
    """

    sound: int
    findings: tuple[Finding, ...]


def verify_files(found: Found, place: Place) -> Verified:
    """Hold every file that RECORD lists against its row.

    Bytecode is Python's to write anew: where it is gone or has no hash, nothing is said.

    :raises ValueError: if RECORD can't be read.
    """
    rows = read_record(found.record or "").rows
    opener = _open_here if place.is_this_machine else place.open_descriptor
    site = os.path.join(found.site, "")
    findings: list[Finding] = []
    count = 0
    for path, hash_, size in rows.values():
        is_bytecode = path.endswith(".pyc") and "__pycache__/" in path
        if path.endswith(_WITHOUT_HASH) or (is_bytecode and not hash_):
            continue
        # tens of thousands of rows are plain, and few are not
        is_plain = "./" not in path and "//" not in path and path[0] != "/" and "\0" not in path
        finals = [site + path] if is_plain else _inside(path, found, place)
        issue = _issue(finals, hash_, size, opener)
        if issue is None:
            count += 1
        elif not (is_bytecode and issue[0] is codes.FILE_MISSING):
            findings.append(Finding(issue[0], path, issue[1]))
    return Verified(count, tuple(findings))


def _inside(path: str, found: Found, place: Place) -> list[str]:
    """Give the files that a row can mean, as far as they lie in the environment's folders."""
    finals = final_paths(path, found.site, place.environment)
    return [each for each in finals if place.environment.root_of(each) is not None]


def _issue(
    paths: Sequence[str], hash_: str, size: str, opener: Callable[[str], int]
) -> tuple[Code, str] | None:
    """Say what is wrong with a file.

    :param paths: where it can be.
    """
    if not paths:
        return codes.NO_HASH, "it lies outside of the environment's folders, and was not looked at"
    for path in paths:
        try:
            descriptor = opener(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            return codes.FILE_MISSING, f"it can't be read: {error.strerror}"
        try:
            return _content_issue(descriptor, hash_, size)
        except OSError as error:
            return codes.FILE_MISSING, f"it can't be read: {error.strerror}"
        finally:
            os.close(descriptor)
    return codes.FILE_MISSING, "it isn't there"


def _open_here(path: str) -> int:
    return os.open(path, _FLAGS)


def _content_issue(descriptor: int, hash_: str, size: str) -> tuple[Code, str] | None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return codes.FILE_CHANGED, "it is no regular file"
    if size and status.st_size != int(size):
        sentence = f"it has {status.st_size} bytes, RECORD says {size}"
        return codes.FILE_CHANGED, sentence
    name, _, digest = hash_.partition("=")
    # PDM writes "sha256=" where it links files from its cache
    if not digest:
        return codes.NO_HASH, "RECORD has no hash for it"
    if name not in STRONG_HASHES:
        return codes.NO_HASH, f"RECORD has only a hash for it that can be forged, {name}"
    hasher = hashlib.sha256() if name == "sha256" else hashlib.new(name)
    while piece := os.read(descriptor, min(status.st_size + 1, _READ_SIZE)):
        hasher.update(piece)
    if encoded(hasher.digest()) == digest.rstrip("="):
        return None
    return codes.FILE_CHANGED, "its hash is not the one in RECORD"
