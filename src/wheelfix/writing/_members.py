"""One member of a wheel, inflated, hashed and written to its file."""

from __future__ import annotations

import hashlib
import os
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Callable, NamedTuple

from wheelfix.writing._contents import chunks, whole_content
from wheelfix.writing._files import NEW_FILE, make_executable, write_all_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["PIPELINED", "MemberToWrite", "WrittenMember", "write_member"]

#: bytes; up to here a member is inflated in one piece
_SMALL = 1024 * 1024
#: bytes from which a second thread may hash and write what the first one inflates
PIPELINED = 4 * 1024 * 1024


class MemberToWrite(NamedTuple):
    """One member of a wheel, and the file that it shall become.

    :param wheel: file name of the wheel.
    :param path: of the member in the wheel.
    :param read: gives a number of bytes of the archive from an offset on; called from several threads.
    :param data_offset: where the member's bytes begin in the archive.
    :param compressed_size: how many there are.
    :param size: how many they inflate to.
    :param crc: CRC-32 of them, as the archive has it.
    :param is_deflated: whether they are deflated, else stored.
    :param record_hash: of the content, as in RECORD: name of the algorithm, "=", digest; empty if RECORD has none.
    :param must_match: whether another hash is an error.
    :param staged: file to write, which isn't there yet.
    :param final: what it will be called after the commit, for messages.
    :param is_executable: whether it gets the executable bits that the umask leaves.
    """

    wheel: str
    path: str
    read: Callable[[int, int], bytes]
    data_offset: int
    compressed_size: int
    size: int
    crc: int
    is_deflated: bool
    record_hash: str
    must_match: bool
    staged: str
    final: str
    is_executable: bool


class WrittenMember(NamedTuple):
    """What a member's content was found to be, where RECORD says otherwise, nothing, or it with another algorithm.

    :param member: it.
    :param sha256: of the content, as RECORD would have it.
    :param agrees: whether RECORD is right by its own algorithm.
    """

    member: MemberToWrite
    sha256: str
    agrees: bool


def write_member(member: MemberToWrite, umask: int, *, pipelined: bool) -> tuple[str, str]:
    """Write one member.

    :param umask: of the process.
    :param pipelined: whether a large one gets a second thread.
    :return: sha256 of its content, and its hash in the way of RECORD's row.
    """
    algorithm = member.record_hash.partition("=")[0] or "sha256"
    names = ["sha256"] if algorithm == "sha256" else ["sha256", algorithm]
    hashes = [hashlib.new(name) for name in names]
    descriptor = os.open(member.staged, NEW_FILE, 0o666)
    try:
        if member.is_executable:
            make_executable(member.staged, umask)
        if member.size <= _SMALL:
            _hash_and_write(descriptor, whole_content(member), hashes)
        elif pipelined and member.size > PIPELINED:
            # few wheels have one
            from wheelfix.writing._ahead import taken_ahead

            _hash_and_write(descriptor, taken_ahead(chunks(member)), hashes)
        else:
            _hash_and_write(descriptor, chunks(member), hashes)
    finally:
        os.close(descriptor)
    digests = [urlsafe_b64encode(each.digest()).rstrip(b"=").decode("ascii") for each in hashes]
    return digests[0], f"{algorithm}={digests[-1]}"


def _hash_and_write(
    descriptor: int, content: Iterable[bytes], hashes: Sequence[hashlib._Hash]
) -> None:
    for chunk in content:
        for each in hashes:
            each.update(chunk)
        write_all_bytes(descriptor, chunk)
