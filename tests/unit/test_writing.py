"""Members written in parallel: the right bytes, or a finding and nothing hidden."""

from __future__ import annotations

import errno
import functools
import hashlib
import marshal
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Callable

import pytest

from wheelfix import codes
from wheelfix.errors import EnvironmentRefusedError, InvalidWheelError
from wheelfix.writing import MemberToWrite, MemberWriter, WrittenMember, write_all_bytes
from wheelfix.writing._ahead import taken_ahead
from wheelfix.writing._processes import ProcessWorkers, can_fork
from wheelfix.writing._threads import ThreadWorkers
from wheelfix.writing._work import Outcome, Workers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILOBYTE, MEGABYTE = 1024, 1024 * 1024


def sha256_of(content: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


ANOTHER = f"sha256={sha256_of(b'another')}"


@functools.cache
def deflated(content: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(content) + compressor.flush()


def member(
    file: Path,
    content: bytes,
    packed: bytes | None = None,
    *,
    is_deflated: bool = True,
    declared_size: int | None = None,
    expected: str | None = None,
    must_match: bool = True,
    crc: int | None = None,
    is_executable: bool = False,
) -> MemberToWrite:
    archive = b"before" + (deflated(content) if packed is None else packed)

    def read(offset: int, size: int) -> bytes:
        return archive[offset : offset + size]

    return MemberToWrite(
        wheel="example-1.0-py3-none-any.whl",
        path=file.name,
        read=read,
        data_offset=6,
        compressed_size=len(archive) - 6,
        size=len(content) if declared_size is None else declared_size,
        crc=zlib.crc32(content) if crc is None else crc,
        is_deflated=is_deflated,
        record_hash=f"sha256={sha256_of(content)}" if expected is None else expected,
        must_match=must_match,
        staged=str(file),
        final=f"/final/{file.name}",
        is_executable=is_executable,
    )


@functools.cache
def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


class Sized:
    """An archive of one member."""

    def __init__(self, size: int) -> None:
        self.size = size

    def sizes(self) -> list[int]:
        return [self.size]

    def read_at(self, _offset: int, _size: int) -> bytes:
        raise AssertionError("nothing but the member's own bytes is read")


class Archive:
    """The bytes of an archive, and members in it."""

    def __init__(self) -> None:
        self.bytes = b"before"
        self.members: list[MemberToWrite] = []

    def sizes(self) -> list[int]:
        return [member.size for member in self.members]

    def read_at(self, offset: int, size: int) -> bytes:
        return self.bytes[offset : offset + size]

    def add(self, file: Path, content: bytes, **changes: Any) -> None:
        added = member(file, content, **changes)
        packed = added.read(added.data_offset, added.compressed_size)
        self.members.append(added._replace(read=self.read_at, data_offset=len(self.bytes)))
        self.bytes += packed


def written_by(workers: Workers, archive: Archive, batch: int = 10) -> list[Outcome]:
    """Have an archive's members written in batches."""
    try:
        for first in range(0, len(archive.members), batch):
            workers.hand_over(first, archive.members[first : first + batch])
        return workers.finish(None)
    finally:
        workers.abandon()


SIZES = [0, 1, 5 * KILOBYTE, MEGABYTE, MEGABYTE + 1, 3 * MEGABYTE, 9 * MEGABYTE]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("compressible", [True, False])
def test_what_is_deflated_is_inflated(size: int, *, compressible: bool, tmp_path: Path) -> None:
    content = b"a" * size if compressible else noise(size)
    writer = MemberWriter(workers=2)
    # (a single large one is hashed and written by a thread of its own)
    writer.expect([Sized(size)])
    writer.submit(member(tmp_path / "file", content))
    assert writer.finish() == []
    assert (tmp_path / "file").read_bytes() == content


@pytest.mark.parametrize("size", SIZES)
def test_what_is_stored_is_copied(size: int, tmp_path: Path) -> None:
    content = noise(size)
    writer = MemberWriter(workers=2)
    writer.expect([Sized(size)])
    writer.submit(member(tmp_path / "file", content, content, is_deflated=False))
    assert writer.finish() == []
    assert (tmp_path / "file").read_bytes() == content


def many_members(folder: Path) -> tuple[Archive, dict[str, bytes]]:
    contents = {f"file{number}": noise(number * 2000) for number in range(100)}
    contents |= {"large": noise(6 * MEGABYTE), "larger": noise(7 * MEGABYTE), "last": b"small"}
    archive = Archive()
    for name, content in contents.items():
        archive.add(folder / name, content)
    return archive, contents


def read_all(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("workers", [None, 1, 2, 7])
def test_many_members_are_written_at_once(workers: int | None, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    writer = MemberWriter(lambda done, total: told.append((done, total)), workers)
    archive, contents = many_members(tmp_path)
    writer.expect([archive])
    for each in archive.members:
        writer.submit(each)
    assert writer.finish() == []
    assert read_all(tmp_path) == contents
    total = sum(map(len, contents.values()))
    assert told[-1] == (total, total)


@pytest.mark.parametrize(("is_executable", "mode"), [(True, 0o751), (False, 0o640)])
def test_files_get_the_mode_that_the_umask_leaves(
    *, is_executable: bool, mode: int, tmp_path: Path
) -> None:
    before = os.umask(0o027)
    try:
        writer = MemberWriter()
        writer.submit(member(tmp_path / "file", b"content", is_executable=is_executable))
        writer.finish()
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


DAMAGED = [
    pytest.param({"packed": b"\xff\xff\xff"}, "are damaged", id="no deflate stream"),
    pytest.param({"packed": deflated(b"content")[:-2]}, "end early", id="cut"),
    pytest.param({"packed": b""}, "end early", id="nothing"),
    pytest.param({"packed": deflated(b"content") + b"x"}, "follow", id="bytes behind it"),
    pytest.param({"declared_size": 6}, "as large", id="larger than declared"),
    pytest.param({"declared_size": 8}, "as large", id="smaller than declared"),
    pytest.param({"declared_size": 2 * MEGABYTE}, "as large", id="far smaller than declared"),
    pytest.param({"crc": 1}, "CRC-32", id="other CRC"),
    pytest.param({"packed": b"conten", "is_deflated": False}, "as large", id="stored, shorter"),
    pytest.param({"packed": b"contents", "is_deflated": False}, "as large", id="stored, longer"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGED)
def test_damage_is_found(damage: dict[str, object], words: str, tmp_path: Path) -> None:
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", b"content", **damage))  # type: ignore[arg-type]
    with pytest.raises(InvalidWheelError, match=words) as raised:
        writer.finish()
    assert raised.value.code is codes.DAMAGED_MEMBER


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda packed: b"\xff" + packed, "are damaged"),
        (lambda packed: packed[:-5], "end early"),
        (lambda packed: packed + b"x", "follow"),
    ],
    ids=["no deflate stream", "cut", "bytes behind it"],
)
def test_damage_of_a_large_member_is_found(
    change: Callable[[bytes], bytes], words: str, tmp_path: Path
) -> None:
    content = noise(2 * MEGABYTE)
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", content, change(deflated(content))))
    with pytest.raises(InvalidWheelError, match=words):
        writer.finish()


def test_a_large_member_that_compresses_well_comes_out_whole(tmp_path: Path) -> None:
    # the last compressed bytes hold more than a chunk of content
    content = b"a" * 9 * MEGABYTE
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", content))
    assert writer.finish() == []
    assert (tmp_path / "file").read_bytes() == content


def test_empty_blocks_before_a_large_members_content_are_no_matter(tmp_path: Path) -> None:
    content = noise(2 * MEGABYTE)
    # stored blocks of no bytes (RFC 1951, 3.2.4), more of them than are read at once
    packed = b"\0\0\0\xff\xff" * 20_000 + deflated(content)
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", content, packed))
    assert writer.finish() == []
    assert (tmp_path / "file").read_bytes() == content


def test_bytes_behind_the_end_of_a_large_member_are_found(tmp_path: Path) -> None:
    content = noise(2 * MEGABYTE)
    packed = deflated(content)
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", content, packed + b"x" * 100 * KILOBYTE))
    with pytest.raises(InvalidWheelError, match="follow"):
        writer.finish()


def test_a_bomb_is_not_inflated_beyond_what_it_declares(tmp_path: Path) -> None:
    writer = MemberWriter()
    bomb = deflated(b"\0" * 30 * MEGABYTE)
    writer.submit(member(tmp_path / "file", b"", bomb, declared_size=2 * MEGABYTE))
    with pytest.raises(InvalidWheelError, match="as large"):
        writer.finish()
    assert (tmp_path / "file").stat().st_size <= 2 * MEGABYTE


@pytest.mark.parametrize("size", [7, 3 * MEGABYTE])
def test_an_archive_that_was_cut_meanwhile_is_damage(size: int, tmp_path: Path) -> None:
    broken = member(tmp_path / "file", noise(size))._replace(read=lambda _offset, _size: b"")
    writer = MemberWriter()
    writer.submit(broken)
    with pytest.raises(InvalidWheelError, match="archive ends early"):
        writer.finish()


@pytest.mark.parametrize("size", [10, 9 * MEGABYTE])
def test_another_hash_than_records_is_an_error(size: int, tmp_path: Path) -> None:
    writer = MemberWriter(workers=2)
    writer.expect([Sized(size)])
    writer.submit(member(tmp_path / "file", noise(size), expected=ANOTHER))
    with pytest.raises(InvalidWheelError, match="hash is not the one") as raised:
        writer.finish()
    assert raised.value.code is codes.RECORD_DISAGREES
    assert raised.value.findings[0].subject == "file"


@pytest.mark.parametrize("expected", ["", ANOTHER])
def test_where_the_hash_need_not_match_it_is_told(expected: str, tmp_path: Path) -> None:
    writer = MemberWriter()
    wanted = member(tmp_path / "file", b"content", expected=expected, must_match=not expected)
    writer.submit(wanted)
    assert writer.finish() == [WrittenMember(wanted, sha256_of(b"content"), agrees=False)]


def test_a_stronger_hash_in_record_is_checked_and_told_as_sha256(tmp_path: Path) -> None:
    digest = urlsafe_b64encode(hashlib.sha512(b"content").digest()).rstrip(b"=").decode()
    wanted = member(tmp_path / "file", b"content", expected=f"sha512={digest}")
    writer = MemberWriter()
    writer.submit(wanted)
    assert writer.finish() == [WrittenMember(wanted, sha256_of(b"content"), agrees=True)]


def test_another_stronger_hash_than_records_is_an_error(tmp_path: Path) -> None:
    digest = urlsafe_b64encode(hashlib.sha512(b"another").digest()).rstrip(b"=").decode()
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", b"content", expected=f"sha512={digest}"))
    with pytest.raises(InvalidWheelError, match="hash is not the one"):
        writer.finish()


@pytest.mark.parametrize("size", [10, 9 * MEGABYTE])
def test_a_file_that_cannot_be_written_is_named_as_it_will_be(size: int, tmp_path: Path) -> None:
    writer = MemberWriter(workers=2)
    writer.expect([Sized(size)])
    writer.submit(member(tmp_path / "missing" / "file", noise(size)))
    with pytest.raises(EnvironmentRefusedError) as raised:
        writer.finish()
    assert raised.value.code is codes.CANNOT_WRITE
    assert raised.value.findings[0].subject == "/final/file"


@pytest.mark.parametrize("size", [100 * KILOBYTE, 3 * MEGABYTE, 9 * MEGABYTE])
def test_a_file_that_finds_no_room_is_told(size: int, tmp_path: Path) -> None:
    # the last write is a short one, the next one fails (write(2), EFBIG), as on a disk that is full
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        writer = MemberWriter(workers=2)
        writer.expect([Sized(size)])
        writer.submit(member(tmp_path / "file", noise(size)))
        with pytest.raises(EnvironmentRefusedError, match="too large") as raised:
            writer.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.code is codes.CANNOT_WRITE


def test_a_writer_that_was_given_nothing_can_be_abandoned() -> None:
    writer = MemberWriter()
    writer.abandon()
    assert writer.finish() == []


def test_an_abandoned_writer_has_no_thread_left_and_writes_no_more(tmp_path: Path) -> None:
    writer = MemberWriter(workers=2)
    for number in range(40):
        writer.submit(member(tmp_path / str(number), noise(MEGABYTE)))
    writer.abandon()
    there = len(list(tmp_path.iterdir()))
    assert writer.finish() == []
    assert len(list(tmp_path.iterdir())) == there


def test_a_system_that_knows_no_affinity_has_processors_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", b"content"))
    assert writer.finish() == []
    assert (tmp_path / "file").read_bytes() == b"content"


def test_what_a_system_call_left_over_is_written_by_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = os.write
    # a short write of a regular file that then goes on (a signal, a network file system) can't be had in a test
    monkeypatch.setattr(os, "write", lambda file, content: whole(file, content[:7]))
    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    write_all_bytes(descriptor, b"more than seven bytes, and more than twice")
    os.close(descriptor)
    assert (tmp_path / "file").read_bytes() == b"more than seven bytes, and more than twice"


@pytest.fixture(params=["threads", "processes"])
def make_workers(request: pytest.FixtureRequest) -> Callable[[Archive], Workers]:
    def make(archive: Archive) -> Workers:
        if request.param == "threads":
            return ThreadWorkers(2, 0o022, pipelined=True)
        return ProcessWorkers(2, 0o022, [Archive().read_at, archive.read_at], pipelined=True)

    return make


MakeWorkers = Callable[[Archive], Workers]


def test_workers_write_all_that_they_are_given(make_workers: MakeWorkers, tmp_path: Path) -> None:
    archive, contents = many_members(tmp_path)
    assert written_by(make_workers(archive), archive) == []
    assert read_all(tmp_path) == contents


def test_workers_report_what_is_done(make_workers: MakeWorkers, tmp_path: Path) -> None:
    archive, _ = many_members(tmp_path)
    workers = make_workers(archive)
    told: list[int] = []
    workers.hand_over(0, archive.members)
    assert workers.finish(told.append) == []
    assert told == sorted(told)
    assert told[-1] == sum(archive.sizes())


def test_workers_tell_what_record_is_silent_about(
    make_workers: MakeWorkers, tmp_path: Path
) -> None:
    archive, contents = many_members(tmp_path)
    archive.members = [each._replace(record_hash="") for each in archive.members]
    assert sorted(written_by(make_workers(archive), archive)) == [
        Outcome(number, sha256_of(content), agrees=False, code="", sentence="")
        for number, content in enumerate(contents.values())
    ]


def test_workers_stop_after_what_refuses_a_wheel(make_workers: MakeWorkers, tmp_path: Path) -> None:
    archive, contents = many_members(tmp_path)
    archive.members[2] = archive.members[2]._replace(record_hash=ANOTHER)
    (outcome,) = written_by(make_workers(archive), archive, batch=1)
    assert (outcome.number, outcome.code) == (2, "WF407")
    assert len(read_all(tmp_path)) < len(contents)


def test_workers_that_are_abandoned_write_no_more(
    make_workers: MakeWorkers, tmp_path: Path
) -> None:
    archive, _ = many_members(tmp_path)
    workers = make_workers(archive)
    for number, each in enumerate(archive.members[-3:]):
        workers.hand_over(number, [each])
    workers.abandon()
    there = read_all(tmp_path)
    time.sleep(0.05)
    assert read_all(tmp_path) == there
    workers.abandon()


def test_what_fails_otherwise_in_a_thread_is_raised_by_who_waits(tmp_path: Path) -> None:
    broken = member(tmp_path / "file", b"content", expected="unheard-of=1")
    workers = ThreadWorkers(1, 0o022, pipelined=False)
    workers.hand_over(0, [broken])
    with pytest.raises(ValueError, match="unheard-of"):
        workers.finish(None)


def test_what_fails_otherwise_in_a_process_is_an_error(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    archive = Archive()
    archive.add(tmp_path / "file", b"content", expected="unheard-of=1")
    with pytest.raises(ChildProcessError, match="was ended by an error"):
        written_by(ProcessWorkers(1, 0o022, [archive.read_at], pipelined=False), archive)
    assert "unheard-of" in capfd.readouterr().err


def test_a_batch_that_is_too_long_for_a_message_is_parted(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["a" * 250] * 14)
    folder.mkdir(parents=True)
    archive = Archive()
    for number in range(150):
        archive.add(folder / str(number), b"content")
    workers = ProcessWorkers(2, 0o022, [archive.read_at], pipelined=False)
    assert written_by(workers, archive, batch=150) == []
    assert len(read_all(folder)) == 150


@pytest.fixture
def writer_with_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[tuple[MemberWriter, Archive]]:
    """Give a writer whose work is worth processes, in a process that may be forked."""
    # pytest has a thread more where it runs tests in parallel
    monkeypatch.setattr("wheelfix.writing._processes.can_fork", lambda: True)
    archive = Archive()
    for number in range(9):
        archive.add(tmp_path / str(number), noise(4 * MEGABYTE + number))
    writer = MemberWriter(workers=2)
    writer.expect([archive])
    yield writer, archive
    writer.abandon()


def processes_of(writer: MemberWriter) -> list[int]:
    assert isinstance(writer._workers, ProcessWorkers)
    return [process.pid for process in writer._workers._processes]


def test_a_killed_process_is_told(writer_with_processes: tuple[MemberWriter, Archive]) -> None:
    writer, archive = writer_with_processes
    writer.submit(archive.members[0])
    os.kill(processes_of(writer)[0], signal.SIGKILL)
    writer.submit(archive.members[1])
    with pytest.raises(EnvironmentRefusedError, match="ended by signal 9") as raised:
        writer.finish()
    assert raised.value.code is codes.CANNOT_WRITE


def test_that_all_processes_are_killed_is_told(
    writer_with_processes: tuple[MemberWriter, Archive],
) -> None:
    writer, archive = writer_with_processes
    writer.submit(archive.members[0])
    for pid in processes_of(writer):
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(EnvironmentRefusedError, match="no process is left"):
        writer.submit(archive.members[1])


def test_processes_report_where_more_files_are_open_than_select_takes(
    writer_with_processes: tuple[MemberWriter, Archive],
) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 2000), before[1]))
    written: list[int] = []
    _, archive = writer_with_processes
    writer = MemberWriter(workers=2, on_progress=lambda done, total: written.append(total - done))
    writer.expect([archive])
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        for each in archive.members:
            writer.submit(each)
        assert isinstance(writer._workers, ProcessWorkers)
        assert min(each.results for each in writer._workers._processes) >= 1024
        assert writer.finish() == []
    finally:
        for file in files:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert written[-1] == 0


def test_where_no_process_can_be_made_threads_write(
    writer_with_processes: tuple[MemberWriter, Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    forks = iter([os.fork])

    def fork() -> int:
        for real in forks:
            return real()
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    # root has no limit on processes
    monkeypatch.setattr(os, "fork", fork)
    writer, archive = writer_with_processes
    for each in archive.members:
        writer.submit(each)
    assert isinstance(writer._workers, ThreadWorkers)
    assert writer.finish() == []
    assert all(os.path.getsize(each.staged) == each.size for each in archive.members)


@pytest.fixture
def forked_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let what a forked process does be done here, and its end be SystemExit."""

    def leave(status: int) -> None:
        raise SystemExit(status)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(os, "_exit", leave)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("expected", "status", "results"),
    [
        ("", 0, [(0, sha256_of(b"content"), False, "", "")]),
        (ANOTHER, 0, [(0, "", False, "WF407", "its hash is not the one in RECORD")]),
        ("unheard-of=1", 1, None),
    ],
)
@pytest.mark.usefixtures("forked_here")
def test_a_forked_process_writes_tells_and_ends(
    expected: str,
    status: int,
    results: object,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    archive = Archive()
    archive.add(tmp_path / "file", b"content", expected=expected)
    workers = ProcessWorkers(1, 0o022, [archive.read_at], pipelined=False)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.send(marshal.dumps((0, [workers._packed(archive.members[0])])))
    ours.close()
    pipe, end = os.pipe()
    with theirs, pytest.raises(SystemExit) as raised:
        workers._live(0, theirs, end, signal.pthread_sigmask(signal.SIG_BLOCK, []))
    workers.abandon()
    assert raised.value.code == status
    with open(pipe, "rb") as file:
        if results is None:
            os.close(end)
            assert not file.read()
            assert "unheard-of" in capsys.readouterr().err
        else:
            assert marshal.load(file) == results


@pytest.mark.usefixtures("forked_here")
def test_a_forked_process_does_not_run_the_parents_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fork", lambda: 0)
    with pytest.raises(SystemExit) as raised:
        ProcessWorkers(1, 0o022, [], pipelined=False)
    assert raised.value.code == 0
    # the parent shall be able to stop it in its own way
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_process_is_not_interrupted_before_it_ignores_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fork() -> int:
        signal.raise_signal(signal.SIGINT)
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt) as raised:
            ProcessWorkers(1, 0o022, [], pipelined=False)
    finally:
        signal.signal(signal.SIGINT, before)
    assert isinstance(raised.value.__context__, OSError)


def test_in_a_process_with_threads_threads_write(
    writer_with_processes: tuple[MemberWriter, Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wheelfix.writing._processes.can_fork", lambda: False)
    writer, archive = writer_with_processes
    for each in archive.members:
        writer.submit(each)
    assert isinstance(writer._workers, ThreadWorkers)
    assert writer.finish() == []


def test_what_is_raised_where_chunks_come_from_is_raised_where_they_are_used() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"chunk"
        raise ValueError("no more")

    taken = taken_ahead(chunks())
    assert next(taken) == b"chunk"
    with pytest.raises(ValueError, match="no more"):
        next(taken)


ASK = """
import signal, sys, threading
from wheelfix.writing._processes import can_fork
{}
print(can_fork())
"""


@pytest.mark.parametrize(
    ("situation", "answer"),
    [
        ("", "True"),
        ("threading.Thread(target=threading.Event().wait, daemon=True).start()", "False"),
        ("signal.signal(signal.SIGCHLD, signal.SIG_IGN)", "False"),
        ("signal.signal(signal.SIGCHLD, lambda *_: None)", "False"),
    ],
    ids=["alone", "another thread", "ends of processes ignored", "ends of processes handled"],
)
def test_only_a_process_that_does_not_mind_is_forked(situation: str, answer: str) -> None:
    command = [sys.executable, "-c", ASK.format(situation)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == answer


def test_a_system_that_does_not_tell_its_threads_is_not_forked_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def listdir(path: str) -> list[str]:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)

    monkeypatch.setattr(os, "listdir", listdir)
    assert not can_fork()


def test_who_stops_early_leaves_no_thread() -> None:
    endless = taken_ahead(iter(lambda: b"chunk", b""))
    assert next(endless) == b"chunk"
    endless.close()  # type: ignore[attr-defined]
    assert "wheelfix-inflate" not in {thread.name for thread in threading.enumerate()}
