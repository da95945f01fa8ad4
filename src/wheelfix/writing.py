"""Members of wheel archives inflated, hashed and written in parallel.

zlib, hashlib and the system calls release the GIL, so threads use every processor. Memory is bounded: a thread holds
one small member whole, or a few chunks of a large one.
"""

from __future__ import annotations

import hashlib
import os
import threading
import zlib
from base64 import urlsafe_b64encode
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Callable, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError, InvalidWheelError, WheelfixError

try:
    # the extra `fast`: inflates in half the time
    from isal import isal_zlib
except ImportError:
    _crc32 = zlib.crc32
    _decompressor = zlib.decompressobj
    _INFLATE_ERRORS: tuple[type[Exception], ...] = (zlib.error,)
else:
    _crc32 = isal_zlib.crc32
    _decompressor = isal_zlib.decompressobj
    _INFLATE_ERRORS = (isal_zlib.error,)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from queue import SimpleQueue

__all__ = [
    "MemberToWrite",
    "MemberWriter",
    "WrittenMember",
    "current_umask",
    "make_executable",
    "write_all_bytes",
]

#: windowBits of a deflate stream without header (zlib manual, inflateInit2)
_RAW_DEFLATE = -15
#: bytes; up to here a member is inflated in one piece
_SMALL = 1024 * 1024
#: bytes read from the archive, and inflated, at once
_READ_SIZE, _CHUNK_SIZE = 64 * 1024, 256 * 1024
#: bytes from which a second thread hashes and writes what the first one inflates
_PIPELINED = 4 * 1024 * 1024
#: chunks between these two
_CHUNKS_AHEAD = 8
#: bytes of one batch; each file counts for what making it costs
_BATCH_SIZE, _FILE_COST = 1024 * 1024, 8 * 1024
#: seconds between two calls of a progress callback
_PROGRESS_INTERVAL = 0.1


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


class MemberWriter:
    """Writes members in the background; :meth:`finish` waits for them.

    :param on_progress: told, from the thread that calls :meth:`finish`, how many bytes of how many are written.
    :param workers: number of threads; by default one for each processor that this process may use.
    """

    def __init__(
        self, on_progress: Callable[[int, int], None] | None = None, workers: int | None = None
    ) -> None:
        self._on_progress = on_progress
        self._workers = workers or _usable_processors()
        # it can't be asked by several threads at once
        self._umask = current_umask()
        self._threads: list[threading.Thread] = []
        self._batches: SimpleQueue[list[MemberToWrite]] | None = None
        self._batch: list[MemberToWrite] = []
        self._batch_size = 0
        self._total = 0
        self._is_pipelined = False
        self._done = 0
        self._lock = threading.Lock()
        self._stopped = False
        self._errors: list[Exception] = []
        self._differing: list[WrittenMember] = []

    def expect(self, sizes: Iterable[int]) -> None:
        """Prepare for members of these sizes, in bytes; those that are written otherwise don't matter."""
        known = list(sizes)
        self._total = sum(known)
        large = sum(size > _PIPELINED for size in known)
        # threads of their own only take time from others
        self._is_pipelined = 0 < large < self._workers

    def submit(self, member: MemberToWrite) -> None:
        """Have a member written, now or later."""
        self._batch.append(member)
        self._batch_size += member.size + _FILE_COST
        if self._batch_size > _BATCH_SIZE:
            self._hand_over()

    def finish(self) -> list[WrittenMember]:
        """Wait until every member is written.

        :return: those whose content isn't the one of RECORD, without an error for it.
        :raises InvalidWheelError: WF413 if a member's bytes are damaged, WF407 if its hash isn't the one in RECORD.
        :raises EnvironmentRefusedError: WF506 if a file can't be written.
        """
        if not self._threads:
            # a handful of small files: threads cost more than they bring
            self._write_batch(self._batch)
            self._batch = []
        else:
            if self._batch:
                self._hand_over()
            self._dismiss()
            for thread in self._threads:
                self._wait_for(thread)
            self._threads = []
        self._report_progress()
        if self._errors:
            raise self._errors[0]
        return sorted(self._differing, key=lambda each: (each.member.wheel, each.member.path))

    def abandon(self) -> None:
        """Stop writing and wait for the threads; what is written stays."""
        self._stopped = True
        self._dismiss()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _hand_over(self) -> None:
        if self._batches is None:
            # small wheels need none
            from queue import SimpleQueue

            self._batches = SimpleQueue()
        self._batches.put(self._batch)
        self._batch, self._batch_size = [], 0
        if len(self._threads) < self._workers:
            work = partial(self._work, self._batches)
            thread = threading.Thread(target=work, name="wheelfix-writer", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _dismiss(self) -> None:
        """Let each thread end when it finds nothing more to do: an empty batch is the last one."""
        if self._batches is not None:
            for _ in self._threads:
                self._batches.put([])

    def _wait_for(self, thread: threading.Thread) -> None:
        while thread.is_alive():
            thread.join(_PROGRESS_INTERVAL if self._on_progress is not None else None)
            self._report_progress()

    def _report_progress(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self._done, max(self._done, self._total))

    def _work(self, batches: SimpleQueue[list[MemberToWrite]]) -> None:
        while batch := batches.get():
            self._write_batch(batch)

    def _write_batch(self, batch: Iterable[MemberToWrite]) -> None:
        for member in batch:
            if self._stopped:
                return
            try:
                sha256, in_record = _write_member(member, self._umask, pipelined=self._is_pipelined)
                if f"sha256={sha256}" != member.record_hash:
                    self._note(WrittenMember(member, sha256, in_record == member.record_hash))
            except OSError as error:
                finding = Finding(codes.CANNOT_WRITE, member.final, error.strerror or str(error))
                self._fail(EnvironmentRefusedError([finding]))
            # whatever goes wrong in a thread is told by the one that waits for it
            except Exception as error:  # noqa: BLE001 - see above
                self._fail(error)
        with self._lock:
            self._done += sum(member.size for member in batch)

    def _note(self, written: WrittenMember) -> None:
        member = written.member
        if member.must_match and member.record_hash and not written.agrees:
            sentence = "its hash is not the one in RECORD"
            raise InvalidWheelError([Finding(codes.RECORD_DISAGREES, member.path, sentence)])
        self._differing.append(written)

    def _fail(self, error: Exception) -> None:
        self._stopped = True
        self._errors.append(error)


def _usable_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        # a container may have fewer than the machine
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _write_member(member: MemberToWrite, umask: int, *, pipelined: bool) -> tuple[str, str]:
    """Write one member.

    :param umask: of the process.
    :param pipelined: whether a large one gets a second thread.
    :return: sha256 of its content, and its hash in the way of RECORD's row.
    """
    algorithm = member.record_hash.partition("=")[0] or "sha256"
    names = ["sha256"] if algorithm == "sha256" else ["sha256", algorithm]
    hashes = [hashlib.new(name) for name in names]
    descriptor = os.open(member.staged, _NEW_FILE, 0o666)
    try:
        if member.is_executable:
            make_executable(member.staged, umask)
        if member.size <= _SMALL:
            _hash_and_write(descriptor, _content(member), hashes)
        elif pipelined and member.size > _PIPELINED:
            _hash_and_write_behind(descriptor, _chunks(member), hashes)
        else:
            _hash_and_write(descriptor, _chunks(member), hashes)
    finally:
        os.close(descriptor)
    digests = [urlsafe_b64encode(each.digest()).rstrip(b"=").decode("ascii") for each in hashes]
    return digests[0], f"{algorithm}={digests[-1]}"


_NEW_FILE = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
)


def _hash_and_write(
    descriptor: int, chunks: Iterable[bytes], hashes: Sequence[hashlib._Hash]
) -> None:
    for chunk in chunks:
        for each in hashes:
            each.update(chunk)
        write_all_bytes(descriptor, chunk)


def _hash_and_write_behind(
    descriptor: int, chunks: Iterable[bytes], hashes: Sequence[hashlib._Hash]
) -> None:
    """Hash and write in a second thread, so that one large member keeps two processors busy."""
    waiting: deque[bytes] = deque()
    filled, free = threading.Semaphore(0), threading.Semaphore(_CHUNKS_AHEAD)
    errors: list[Exception] = []

    def taken() -> Iterator[bytes]:
        while True:
            filled.acquire()
            chunk = waiting.popleft()
            if not chunk:
                return
            yield chunk
            free.release()

    def write() -> None:
        try:
            _hash_and_write(descriptor, taken(), hashes)
        # raised by the thread that inflates
        except Exception as error:  # noqa: BLE001 - see above
            errors.append(error)
            free.release()

    writer = threading.Thread(target=write, name="wheelfix-large-file", daemon=True)
    writer.start()
    try:
        for chunk in chunks:
            free.acquire()
            if errors:
                break
            waiting.append(chunk)
            filled.release()
    finally:
        waiting.append(b"")
        filled.release()
        writer.join()
    if errors:
        raise errors[0]


def current_umask() -> int:
    """Tell the umask of the process, which other threads see at zero for a moment."""
    umask = os.umask(0)
    os.umask(umask)
    return umask


def make_executable(path: str, umask: int) -> None:
    """Set the mode that installer gives to executable files (``installer.utils.make_file_executable``)."""
    os.chmod(path, 0o666 & ~umask | 0o111)  # noqa: S103 - what the umask forbids otherwise, installer allows as well


def write_all_bytes(descriptor: int, content: bytes) -> None:
    """Write all of it: a system call may write less, on a disk that is filling up for one.

    :raises OSError: if the file system says so.
    """
    written = os.write(descriptor, content)
    if written != len(content):
        rest = memoryview(content)[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def _content(member: MemberToWrite) -> tuple[bytes, ...]:
    """Give a small member's content in one piece, or none of an empty one.

    :raises InvalidWheelError: WF413.
    """
    content = member.read(member.data_offset, member.compressed_size)
    if len(content) != member.compressed_size:
        raise _damaged(member, "the archive ends early")
    if member.is_deflated:
        decompressor = _decompressor(_RAW_DEFLATE)
        try:
            # one byte more than there should be shows a bomb
            content = decompressor.decompress(content, member.size + 1)
        except _INFLATE_ERRORS as error:
            raise _damaged(member, "its compressed bytes are damaged") from error
        if len(content) <= member.size:
            _check_end(member, decompressor)
    _check_content(member, len(content), _crc32(content))
    return (content,) if content else ()


def _chunks(member: MemberToWrite) -> Iterator[bytes]:
    """Give out a large member's content in pieces, none of them empty.

    :raises InvalidWheelError: WF413.
    """
    pieces = _inflated(member) if member.is_deflated else _pieces(member, _CHUNK_SIZE)
    size = crc = 0
    try:
        for piece in pieces:
            size += len(piece)
            crc = _crc32(piece, crc)
            if size > member.size:
                break
            yield piece
    except _INFLATE_ERRORS as error:
        raise _damaged(member, "its compressed bytes are damaged") from error
    _check_content(member, size, crc)


def _inflated(member: MemberToWrite) -> Iterator[bytes]:
    decompressor = _decompressor(_RAW_DEFLATE)
    for compressed in _pieces(member, _READ_SIZE):
        rest = compressed
        if decompressor.eof:
            raise _damaged(member, "bytes follow its end")
        while rest and not decompressor.eof:
            piece = decompressor.decompress(rest, _CHUNK_SIZE)
            rest = decompressor.unconsumed_tail
            if piece:
                yield piece
    while not decompressor.eof:
        piece = decompressor.decompress(b"", _CHUNK_SIZE)
        if not piece:
            break
        yield piece
    _check_end(member, decompressor)


def _check_end(member: MemberToWrite, decompressor: zlib._Decompress) -> None:
    if not decompressor.eof:
        raise _damaged(member, "its bytes end early")
    if decompressor.unused_data:
        raise _damaged(member, "bytes follow its end")


def _check_content(member: MemberToWrite, size: int, crc: int) -> None:
    if size != member.size:
        raise _damaged(member, "it is not as large as the archive says")
    if crc != member.crc:
        raise _damaged(member, "its CRC-32 is not the one in the archive")


def _pieces(member: MemberToWrite, size: int) -> Iterator[bytes]:
    offset, end = member.data_offset, member.data_offset + member.compressed_size
    while offset < end:
        piece = member.read(offset, min(size, end - offset))
        if not piece:
            raise _damaged(member, "the archive ends early")
        offset += len(piece)
        yield piece


def _damaged(member: MemberToWrite, sentence: str) -> WheelfixError:
    return InvalidWheelError(
        [Finding(codes.DAMAGED_MEMBER, member.wheel, f"{member.path!r}: {sentence}")]
    )
