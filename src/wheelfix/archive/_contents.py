"""The members of a wheel as a whole: sizes, duplicates, scripts, and what RECORD says of each."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.archive._inspection import several
from wheelfix.archive._names import interpreter_name
from wheelfix.archive._streams import BZIP2, DEFLATED, LZMA, STORED
from wheelfix.record import STRONG_HASHES, row_issue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from typing_extensions import TypeAlias

    from wheelfix.archive._framing import ZipMember
    from wheelfix.archive._inspection import Inspection
    from wheelfix.archive._streams import MemberStream
    from wheelfix.record import Record, RecordRow

    OpenMember: TypeAlias = Callable[[ZipMember], MemberStream]

__all__ = ["check_record", "check_sizes", "check_special_files", "distinct_members"]

#: Twenty times as much as the highest among 232 wheels of PyPI as a whole (5.2, pycparser 2.23), six times as much as
#: the highest of a member of a megabyte (17, a header of neuron). Deflate goes up to 1,032.
_MAX_RATIO = 100
#: bytes up to which no ratio matters: they fit everywhere
_HARMLESS_SIZE = 64 * 1024 * 1024
_COMMON_METHODS = frozenset({STORED, DEFLATED})
_READABLE_METHODS = _COMMON_METHODS | {BZIP2, LZMA}
_PIECE = 1024 * 1024


def check_sizes(members: Sequence[ZipMember], archive_size: int, inspection: Inspection) -> None:
    """Look at what can't be unpacked, or would fill the disk: WF413, WF416, WF419."""
    methods = {member.method for member in members}
    if not methods <= _COMMON_METHODS:
        _check_methods(members, inspection)
    encrypted = [member.name for member in members if member.flags and member.is_encrypted]
    if encrypted:
        inspection.add(codes.DAMAGED_MEMBER, f"{several(encrypted)} is encrypted")
    folders = [member.name for member in members if member.name[-1:] == "/" and member.size]
    if folders:
        inspection.add(codes.AMBIGUOUS_ARCHIVE, f"{several(folders)} is a folder with content")
    large = [member.name for member in members if member.size > _HARMLESS_SIZE and _is_bomb(member)]
    total = sum([member.size for member in members])
    if large:
        sentence = f"{several(large)} unpacks to more than {_MAX_RATIO} times its size"
        inspection.add(codes.TOO_LARGE, sentence)
    elif total > max(_HARMLESS_SIZE, _MAX_RATIO * archive_size):
        sentence = f"{archive_size} bytes unpack to {total}, more than {_MAX_RATIO} times as much"
        inspection.add(codes.TOO_LARGE, sentence)


def distinct_members(
    members: Sequence[tuple[str, ZipMember]], open_member: OpenMember, inspection: Inspection
) -> dict[str, ZipMember]:
    """Give the members by path, and the last one where several have the same content: WF410, WF417.

    :raises InvalidWheelError: WF413 if their contents can't be compared.
    """
    distinct = dict(members)
    if len(distinct) == len(members):
        return distinct
    same: list[str] = []
    different: list[str] = []
    seen: dict[str, ZipMember] = {}
    for path, member in members:
        first = seen.setdefault(path, member)
        if first is not member:
            is_same = _same_content(first, member, open_member)
            (same if is_same else different).append(path)
    if same:
        inspection.add(codes.SAME_MEMBER_TWICE, f"{several(same)} is in the archive more than once")
    if different:
        sentence = f"{several(different)} is in the archive more than once, with different contents"
        inspection.add(codes.DUPLICATE_MEMBER, sentence)
    return distinct


def check_special_files(
    members: Mapping[str, ZipMember], data_dir: str, inspection: Inspection
) -> None:
    """Look for links, for what takes the interpreter's place, and what it reads at its start: WF425, WF424, WF428.

    :param members: by their paths.
    """
    links = [path for path, member in members.items() if stat.S_ISLNK(member.mode)]
    if links:
        inspection.add(codes.SYMBOLIC_LINK_MEMBER, f"{several(links)} is marked as a symbolic link")
    hooks = [path for path in members if path.endswith((".pth", ".start"))]
    imported = (f"{data_dir}/purelib/", f"{data_dir}/platlib/")
    hooks = [path for path in hooks if _is_directly_in(path, imported) or "/" not in path]
    if hooks:
        inspection.add(codes.RUNS_AT_START_UP, f"{several(hooks)} is read at every start of Python")
    folders = (f"{data_dir}/scripts/", f"{data_dir}/data/bin/", f"{data_dir}/data/Scripts/")
    for path in members:
        if path.startswith(folders) and _is_directly_in(path, folders):
            name = path.rpartition("/")[2]
            if interpreter_name(name):
                sentence = f"{path!r} bears the name of the interpreter"
                inspection.add(codes.SHADOWS_INTERPRETER, sentence)


def check_record(
    record: Record,
    members: Mapping[str, ZipMember],
    dist_info_dir: str,
    validation: str,
    inspection: Inspection,
) -> None:
    """Hold RECORD against the archive, but for the contents: WF407, WF420, WF421.

    :param members: by their paths.
    :param validation: "all", "entries" or "none".
    """
    downgraded = validation == "none"
    prefix = f"{dist_info_dir}/"
    for path in record.conflicts:
        sentence = "RECORD has several rows for it, which disagree"
        inspection.add(codes.RECORD_DISAGREES, sentence, path, downgraded=downgraded)
    for path in _doubtful(record.rows, members, prefix):
        row = record.rows.get(members[path].name)
        issue = row_issue(row, path[len(prefix) :] if path.startswith(prefix) else None)
        if issue is not None:
            inspection.add(codes.RECORD_DISAGREES, issue, path, downgraded=downgraded)
        elif row is not None and row[2] and int(row[2]) != members[path].size:
            sentence = f"it has {members[path].size} bytes, RECORD says {row[2]}"
            inspection.add(codes.RECORD_DISAGREES, sentence, path, downgraded=validation != "all")
    names = {member.name for member in members.values()}
    malformed = [path for path in record.malformed if path in names]
    if malformed:
        sentence = f"RECORD writes the hash of {several(malformed)} not in urlsafe base64"
        inspection.add(codes.RECORD_DISAGREES, sentence, downgraded=validation != "all")
    if not record.hash_names <= STRONG_HASHES:
        used = {row[1].partition("=")[0] for name, row in record.rows.items() if name in names}
        weak = sorted(used - STRONG_HASHES - {""})
        if weak:
            sentence = f"RECORD uses {', '.join(weak)}"
            inspection.add(codes.WEAK_HASH, sentence, downgraded=downgraded)
    ignored = sorted(record.rows.keys() - names)
    if ignored:
        sentence = f"RECORD lists {several(ignored)}, which is not in the archive"
        inspection.add(codes.RECORD_ROW_IGNORED, sentence)


def _doubtful(
    rows: Mapping[str, RecordRow], members: Mapping[str, ZipMember], dist_info: str
) -> list[str]:
    """Give the files whose row is not plainly right: those of the dist-info folder, and what lacks hash or size."""
    nothing = ("", "", "")
    return [
        path
        for path, member in members.items()
        for _, hash_, size in [rows.get(member.name, nothing)]
        if (not hash_ or size != str(member.size) or path.startswith(dist_info))
        and path[-1:] != "/"
    ]


def _check_methods(members: Sequence[ZipMember], inspection: Inspection) -> None:
    unknown = [member.name for member in members if member.method not in _READABLE_METHODS]
    if unknown:
        sentence = f"{several(unknown)} is compressed in an unknown way"
        inspection.add(codes.DAMAGED_MEMBER, sentence)
    unusual = [member.name for member in members if member.method in {BZIP2, LZMA}]
    if unusual:
        sentence = f"{several(unusual)} is compressed with bzip2 or LZMA"
        inspection.add(codes.UNUSUAL_COMPRESSION, sentence)


def _is_bomb(member: ZipMember) -> bool:
    return member.size > _MAX_RATIO * member.compressed_size


def _is_directly_in(path: str, folders: Sequence[str]) -> bool:
    return f"{path.rpartition('/')[0]}/" in folders


def _same_content(first: ZipMember, second: ZipMember, open_member: OpenMember) -> bool:
    if (first.crc, first.size) != (second.crc, second.size):
        return False
    one, other = open_member(first), open_member(second)
    while piece := one.read(_PIECE):
        if piece != other.read(_PIECE):
            return False
    return True
