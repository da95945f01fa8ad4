"""Two wheels side by side: the archive, then each member, then what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.differences._bytecode import bytecode_differences
from wheelfix.differences._elf import elf_differences
from wheelfix.differences._metadata import header_differences, record_differences
from wheelfix.differences._model import Cause, Difference
from wheelfix.differences._texts import cause_of_strings, differing_strings, first_difference, shown
from wheelfix.differences._texts import text_differences as _text_differences

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from wheelfix.differences._model import ComparedMember, ComparedWheel

__all__ = ["differences"]

_HEADER_FILES = ("METADATA", "WHEEL")
#: text is read line by line up to this size in bytes
_MAX_TEXT = 1 << 26
_METHODS = {0: "stored", 8: "deflated", 12: "bzip2", 14: "lzma"}


def differences(one: ComparedWheel, other: ComparedWheel) -> list[Difference]:
    """Say in what two wheels differ, and why.

    :return: nothing if everything that is compared is the same; what is left then are bytes of the archive's frame.
    """
    renamed = _renamed(one, other)
    found = [*_names(one, other, renamed)]
    shared = [path for path in one.members if path in other.members]
    record = f"{one.dist_info_dir}/RECORD"
    changed = []
    for path in [*shared, *renamed]:
        members = one.members[path], other.members[renamed.get(path, path)]
        if _is_packed_alike(*members):
            continue
        contents = members[0].content(), members[1].content()
        if contents[0] != contents[1]:
            changed.append(path)
            if path != record:
                found += _in_member(path, *contents, dist_info=one.dist_info_dir)
    if record in changed:
        texts = one.members[record].content(), other.members[renamed.get(record, record)].content()
        found += record_differences(record, *texts, changed=changed)
    found += _frame(one, other, shared, changed)
    return found


def _is_packed_alike(one: ComparedMember, other: ComparedMember) -> bool:
    """Tell that two members are the same without unpacking them."""
    return one.method == other.method and one.packed() == other.packed()


def _renamed(one: ComparedWheel, other: ComparedWheel) -> dict[str, str]:
    """Pair the files of two versions' metadata folders, and extension modules of two interpreters.

    The latter differ in name only behind the first dot.
    """
    alone: list[dict[str, list[str]]] = []
    for wheel, another in ((one, other), (other, one)):
        stems: dict[str, list[str]] = {}
        for path in wheel.members:
            folder, _, name = path.rpartition("/")
            if path in another.members:
                continue
            if name.endswith((".so", ".pyd")):
                stems.setdefault(f"{folder}/{name.partition('.')[0]}", []).append(path)
            elif name and path.startswith(f"{wheel.dist_info_dir}/"):
                stems[f"/{path[len(wheel.dist_info_dir) :]}"] = [path]
        alone.append(stems)
    first, second = alone
    return {
        paths[0]: second[stem][0]
        for stem, paths in first.items()
        if len(paths) == len(second.get(stem, ())) == 1
    }


def _names(
    one: ComparedWheel, other: ComparedWheel, renamed: Mapping[str, str]
) -> Iterator[Difference]:
    if one.file_name != other.file_name:
        sentence = f"{one.file_name} and {other.file_name}"
        yield Difference("", "file name", sentence, Cause.CONTENT)
    if one.dist_info_dir != other.dist_info_dir:
        sentence = f"{one.dist_info_dir} and {other.dist_info_dir}"
        yield Difference("", "metadata folder", sentence, Cause.CONTENT)
    for path, new_path in renamed.items():
        name = new_path.rpartition("/")[2]
        if name != path.rpartition("/")[2]:
            yield Difference(path, "name", f"{name} in the second wheel", Cause.NAME)
    paired = {*renamed, *renamed.values()}
    for wheel, another, which in ((one, other, "first"), (other, one, "second")):
        alone = [path for path in wheel.members if path not in another.members]
        for path in alone:
            if path not in paired and not path.endswith("/"):
                yield Difference(path, "member", f"only in the {which} wheel", Cause.CONTENT)
        folders = [path for path in alone if path.endswith("/")]
        if folders:
            more = f" and {len(folders) - 1} more" if len(folders) > 1 else ""
            sentence = f"{folders[0]}{more} only in the {which} wheel"
            yield Difference("", "members for folders", sentence, Cause.BUILD_TOOL)


def _in_member(path: str, one: bytes, other: bytes, *, dist_info: str) -> list[Difference]:
    found: list[Difference] = []
    if one.startswith(b"\x7fELF") and other.startswith(b"\x7fELF"):
        found = [*elf_differences(path, one, other)]
    elif path.endswith(".pyc"):
        found = [*bytecode_differences(path, one, other)]
    elif path in [f"{dist_info}/{name}" for name in _HEADER_FILES]:
        found = [*header_differences(path, one, other)]
    elif max(len(one), len(other)) <= _MAX_TEXT and b"\0" not in one and b"\0" not in other:
        found = [*_text_differences(path, one, other)]
    return found or [_in_bytes(path, one, other)]


def _in_bytes(path: str, one: bytes, other: bytes) -> Difference:
    """Compare what has no form that is known here."""
    place = f"byte {first_difference(one, other):#x}"
    for strings in differing_strings(one, other):
        cause = cause_of_strings(*strings)
        if cause is not None:
            return Difference(path, place, shown(*strings), cause)
    is_gzip = one[:2] == other[:2] == b"\x1f\x8b"
    if is_gzip and one[4:8] != other[4:8] and one[8:] == other[8:]:
        # RFC 1952, MTIME
        return Difference(path, "time in the gzip header", "another one", Cause.CLOCK)
    sentence = f"{len(one):,} and {len(other):,} bytes"
    return Difference(path, place, sentence, Cause.CONTENT)


def _frame(
    one: ComparedWheel, other: ComparedWheel, shared: list[str], changed: Collection[str]
) -> Iterator[Difference]:
    """Compare the zip archives."""
    order = [path for path in other.members if path in one.members]
    if shared != order:
        pair = next(each for each in zip(shared, order) if each[0] != each[1])
        sentence = f"{pair[0]} comes where the second wheel has {pair[1]}"
        yield Difference("", "order of members", sentence, Cause.FILE_ORDER)
    if one.comment != other.comment:
        yield Difference("", "comment", shown(one.comment, other.comment), Cause.BUILD_TOOL)
    parts: dict[tuple[str, Cause], list[tuple[str, str]]] = {}
    for path in shared:
        members = one.members[path], other.members[path]
        for place, sentence, cause in _of_frames(*members, is_changed=path in changed):
            parts.setdefault((place, cause), []).append((path, sentence))
    for (place, cause), alike in parts.items():
        path, sentence = alike[0]
        more = f"; and {len(alike) - 1} more members" if len(alike) > 1 else ""
        yield Difference(path, place, f"{sentence}{more}", cause)


def _of_frames(
    one: ComparedMember, other: ComparedMember, *, is_changed: bool
) -> Iterator[tuple[str, str, Cause]]:
    if one.time != other.time:
        yield "time", f"{_time(one.time)} and {_time(other.time)}", Cause.CLOCK
    if one.mode != other.mode:
        yield "mode", f"{one.mode:06o} and {other.mode:06o}", Cause.UMASK
    if one.system != other.system:
        yield "system", f"made on systems {one.system} and {other.system}", Cause.BUILD_TOOL
    if one.method != other.method:
        yield "compression", f"{_method(one)} and {_method(other)}", Cause.COMPRESSION
    elif not is_changed and one.packed() != other.packed():
        sizes = f"{len(one.packed()):,} and {len(other.packed()):,} bytes of the same content"
        yield "compression", sizes, Cause.COMPRESSION
    if one.extra != other.extra:
        yield "extra fields", f"{len(one.extra)} and {len(other.extra)} bytes", Cause.BUILD_TOOL


def _time(time: tuple[int, ...]) -> str:
    year, month, day, hour, minute, second = time
    return f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"


def _method(member: ComparedMember) -> str:
    return _METHODS.get(member.method, f"method {member.method}")
