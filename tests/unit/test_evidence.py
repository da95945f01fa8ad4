"""Which members of a wheel are read for the planner, and how far."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING, cast

import pytest

from support.elf_maker import extension_module, shared_object
from support.target_maker import make_target
from support.wheel_maker import make_wheel
from wheelfix._evidence import _holds_any
from wheelfix.archive import WheelArchive
from wheelfix.archive._streams import STORED, MemberStream, PackedMember
from wheelfix.errors import InvalidWheelError
from wheelfix.planning import Action, Policy, Repair
from wheelfix.sources import plan_source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

GNU, MUSL = ".cpython-39-x86_64-linux-gnu.so", ".cpython-39-x86_64-linux-musl.so"
TAGS = "cp39-cp39-musllinux_1_2_x86_64"
NAME = f"_c{GNU}"
LIBC = "libc.musl-x86_64.so.1"
#: nothing that others could be linked against
CLOSED = extension_module("_c", libc="musl")
OPEN = extension_module("_c", libc="musl", symbols=["helper"])


def with_soname(soname: str) -> bytes:
    return shared_object(needed=[LIBC], symbols=["PyInit__c"], soname=soname)


def library(*needed: str) -> bytes:
    return shared_object(needed=[*needed, LIBC], soname="libops.so")


class _Watched(MemberStream):
    """Counts the bytes that are read of a member."""

    def __init__(self, packed: PackedMember, counts: Counter[str]) -> None:
        super().__init__(packed)
        self._counts = counts

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self._counts[self.packed.path] += len(content)
        return content


class _WatchedArchive(WheelArchive):
    """Tells how many bytes of which members were read."""

    @property
    def counts(self) -> Counter[str]:
        counts: Counter[str] = self.__dict__.setdefault("_counts", Counter())
        return counts

    def open_member(self, path: str) -> BinaryIO:
        return cast("BinaryIO", _Watched(self.packed_member(path), self.counts))


def read_for(
    folder: Path, files: Mapping[str, bytes], policy: Policy | None = None
) -> tuple[dict[str, tuple[Action, str | None]], dict[str, int]]:
    """Plan for a target that looks for -musl; give the decisions, and the bytes that were read of each ELF file."""
    wheel = make_wheel(folder, dict(files), tags=TAGS)
    with _WatchedArchive.open(wheel) as archive:
        assert isinstance(archive, _WatchedArchive)
        plan = plan_source(archive, [make_target("cp39-musl")], policy or Policy())
        decisions = {each.path: (each.action, each.new_path) for each in plan.decisions}
        return decisions, {path: count for path, count in archive.counts.items() if path in files}


RENAMED = {f"pkg/{NAME}": (Action.RENAME, f"pkg/_c{MUSL}")}
DUPLICATED = {f"pkg/{NAME}": (Action.DUPLICATE, f"pkg/_c{MUSL}")}


@pytest.mark.parametrize("module", [CLOSED, with_soname("libc.so")], ids=["closed", "soname"])
def test_other_files_are_not_read_where_none_can_need_the_module(
    tmp_path: Path, module: bytes
) -> None:
    files = {
        f"pkg/{NAME}": module,
        f"pkg/_d{MUSL}": extension_module("_d", libc="musl", needed=[NAME]),
        "pkg/libops.so": library(NAME),
        "pkg.libs/libx-1234.so.5": library(NAME),
    }
    decisions, read = read_for(tmp_path, files)
    assert decisions == RENAMED
    assert read == {f"pkg/{NAME}": len(module)}


@pytest.mark.parametrize("module", [OPEN, with_soname(NAME)], ids=["open", "soname"])
@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (library(), RENAMED),
        (library(NAME), DUPLICATED),
        (library(f"$ORIGIN/../pkg/{NAME}"), DUPLICATED),
        # the same end, but another file
        (library(f"_b{NAME}"), RENAMED),
        (library(f"_b{GNU}"), RENAMED),
        # it is only mentioned
        (library() + NAME.encode() + b"\0", RENAMED),
        (b"\x7fELF" + NAME.encode() + b"\0", RENAMED),
        (library()[:200] + NAME.encode() + b"\0", RENAMED),
    ],
)
def test_other_files_are_asked_whether_they_need_the_module(
    tmp_path: Path,
    module: bytes,
    other: bytes,
    expected: dict[str, tuple[Action, str | None]],
) -> None:
    decisions, _ = read_for(tmp_path, {f"pkg/{NAME}": module, "pkg/libops": other})
    # (what is said of a damaged file is another matter)
    assert {path: each for path, each in decisions.items() if each[1]} == expected


@pytest.mark.parametrize("policy", [Policy(Repair.DUPLICATE), Policy(Repair.OFF)])
def test_other_files_are_not_read_where_the_name_stays(tmp_path: Path, policy: Policy) -> None:
    files = {f"pkg/{NAME}": OPEN, "pkg/libops.so": library(NAME)}
    assert read_for(tmp_path, files, policy)[1].keys() == {f"pkg/{NAME}"}


def test_a_file_that_mentions_none_is_read_once(tmp_path: Path) -> None:
    large = library() + bytes(1_000_000)
    files = {f"pkg/{NAME}": OPEN, "pkg/libops.so": large}
    assert read_for(tmp_path, files)[1] == {f"pkg/{NAME}": len(OPEN), "pkg/libops.so": len(large)}


def test_what_lies_behind_the_tables_is_not_read(tmp_path: Path) -> None:
    # as symbols for a debugger do
    files = {f"pkg/{NAME}": CLOSED + bytes(10_000_000)}
    decisions, read = read_for(tmp_path, files)
    assert decisions == RENAMED
    assert read[f"pkg/{NAME}"] <= 256 * 1024


def test_tables_may_lie_anywhere(tmp_path: Path) -> None:
    # patchelf puts new ones at the end
    size = 9 * 1024 * 1024
    module = shared_object(needed=[LIBC], symbols=["PyInit__c"])
    strings = module.index(b"\0PyInit__c\0")
    end = module.index(b"\0\0", strings + 1) + 1
    moved = bytearray(module.ljust(size, b"\0") + module[strings:end])
    # DT_STRTAB, and p_filesz of PT_LOAD, where every address is a place in the file
    tag = moved.index(b"\5" + bytes(7) + strings.to_bytes(8, "little"))
    moved[tag + 8 : tag + 16] = size.to_bytes(8, "little")
    moved[64 + 32 : 64 + 40] = len(moved).to_bytes(8, "little")
    moved[strings:end] = bytes(end - strings)
    decisions, read = read_for(tmp_path, {f"pkg/{NAME}": bytes(moved)})
    assert decisions == RENAMED
    assert read == {f"pkg/{NAME}": len(moved)}


PIECE = 256 * 1024


@pytest.mark.parametrize(
    ("wanted", "content", "expected"),
    [
        ([b"a.so\0"], b"", False),
        ([b"a.so\0"], b"a.so\0", True),
        ([b"a.so\0"], b"a.so", False),
        ([b"a.so\0", b"bb.so\0"], b"-bb.so\0-", True),
        ([b"a.so\0", b"bb.so\0"], b"-b.so\0-", False),
        ([b"a.so\0", b"b.sl\0"], b"-b.sl\0-", True),
        # from one piece that is read into the next
        *(([b"name.so\0"], bytes(PIECE - n) + b"name.so\0" + bytes(9), True) for n in range(10)),
        *(([b"name.so\0"], bytes(2 * PIECE - n) + b"name.so\0", True) for n in range(10)),
        ([b"name.so\0"], bytes(PIECE - 4) + b"name-so\0", False),
    ],
)
def test_whether_a_file_mentions_a_name(
    wanted: list[bytes], content: bytes, *, expected: bool
) -> None:
    assert _holds_any(io.BytesIO(content), wanted) is expected


# --- what is kept


@pytest.mark.parametrize("room", [0, len(CLOSED) - 1, len(CLOSED), 1_000_000])
def test_what_was_unpacked_is_kept_if_there_is_room(tmp_path: Path, room: int) -> None:
    wheel = make_wheel(tmp_path, {f"pkg/{NAME}": CLOSED, f"pkg/_d{GNU}": bytes(9)}, tags=TAGS)
    with WheelArchive.open(wheel, room=room) as archive:
        plan = plan_source(archive, [make_target("cp39-musl")], Policy())
        assert plan.decisions[0].new_path == f"pkg/_c{MUSL}"
        is_kept = room >= len(CLOSED)
        assert archive.room == (room - len(CLOSED) if is_kept else room)
        packed = archive.packed_member(f"pkg/{NAME}")
        assert (packed.method == STORED) is is_kept
        if is_kept:
            assert archive.read_at(packed.data_offset + 3, 5) == CLOSED[3:8]
            # once
            assert archive.keep(f"pkg/{NAME}") == CLOSED
            assert archive.room == room - len(CLOSED)
        contents = {row[0]: stream.read() for row, stream, _ in archive.get_contents()}
        assert contents[f"pkg/{NAME}"] == CLOSED
        assert contents[f"pkg/_d{GNU}"] == bytes(9)


def test_several_are_kept(tmp_path: Path) -> None:
    files = {f"pkg/_{n}{GNU}": bytes([n]) * (100 + n) for n in range(5)}
    with WheelArchive.open(make_wheel(tmp_path, files, tags=TAGS), room=1000) as archive:
        assert {path: archive.keep(path) for path in files} == files
        for path, content in files.items():
            packed = archive.packed_member(path)
            assert archive.read_at(packed.data_offset, packed.compressed_size) == content
            assert archive.read_at(packed.data_offset + 50, 10**6) == content[50:]


@pytest.mark.parametrize("at", [0, 5, -1])
def test_a_damaged_member_is_not_kept(tmp_path: Path, at: int) -> None:
    wheel = make_wheel(tmp_path, {f"pkg/{NAME}": CLOSED}, tags=TAGS)
    with WheelArchive.open(wheel) as archive:
        packed = archive.packed_member(f"pkg/{NAME}")
    content = bytearray(wheel.read_bytes())
    place = packed.data_offset + (at if at >= 0 else packed.compressed_size + at)
    content[place] ^= 0xFF
    wheel.write_bytes(content)
    with WheelArchive.open(wheel, room=1_000_000) as archive:
        archive.keep(f"pkg/{NAME}")
        with (
            pytest.raises(InvalidWheelError, match="WF413"),
            archive.open_member(f"pkg/{NAME}") as stream,
        ):
            stream.read()


def test_a_member_of_another_size_is_not_kept(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {f"pkg/{NAME}": CLOSED}, tags=TAGS)
    with WheelArchive.open(wheel, room=1_000_000) as archive:
        member = archive._members[f"pkg/{NAME}"]
        for size in (len(CLOSED) - 1, len(CLOSED) + 1):
            archive._members[f"pkg/{NAME}"] = member._replace(size=size)
            assert archive.keep(f"pkg/{NAME}") is None
