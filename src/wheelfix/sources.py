"""A wheel's members under the names that the targets import."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, BinaryIO, cast

from installer.sources import WheelSource
from installer.utils import parse_entrypoints, parse_metadata_file

from wheelfix import codes
from wheelfix.archive import WheelArchive, scheme_of
from wheelfix.codes import Finding
from wheelfix.errors import InvalidWheelError, WheelRefusedError
from wheelfix.planning import (
    IMPORT_SCHEMES,
    Member,
    Plan,
    Policy,
    Wheel,
    members_in_doubt,
    module_name,
    plan,
)
from wheelfix.wheel_tags import parse_wheel_tags

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from wheelfix.targets import Target
    from wheelfix.wheel_tags import WheelTag

__all__ = ["RepairedSource", "plan_source"]

#: what the first bytes of a file say (gABI; mach-o/loader.h and fat.h; PE format; WebAssembly core, "Modules")
_FORMATS = {
    b"\x7fELF": "elf",
    b"\xfe\xed\xfa\xce": "mach-o",
    b"\xfe\xed\xfa\xcf": "mach-o",
    b"\xce\xfa\xed\xfe": "mach-o",
    b"\xcf\xfa\xed\xfe": "mach-o",
    b"\xca\xfe\xba\xbe": "mach-o",
    b"\0asm": "wasm",
}
#: as elf.ELF_HEADER_SIZE, which is not imported for a wheel without machine code
_HEAD_SIZE = 64
#: names under which no wheel keeps machine code; their first bytes are not looked at
_SOURCE_SUFFIXES = (".py", ".pyi", ".pyc", ".txt", ".md", ".rst", ".json", ".html", ".css", ".js")
#: bytes of an ELF file that are held in memory before it goes to a temporary file
_SPOOL_SIZE = 8 * 1024 * 1024
_COPY_SIZE = 256 * 1024
#: NAME_MAX of Linux (limits.h); a compressed tag set stands for the product of its parts
_MAX_TAG_LENGTH = 255


class RepairedSource(WheelSource):
    """A WheelSource that gives another one's files out under the names that the targets import.

    It works under ``installer.install`` with any destination. The streams are those of the wrapped source. Every
    name, and every collision of names, is decided on before the first file is given out.

    :param source: the wheel.
    :param targets: the interpreters that shall import it, at least one.
    :param policy: which repairs and refusals the caller wants.
    :param plan: the plan for this source, where the caller has made it already.
    :raises WheelRefusedError: if the wheel can't work on one of the targets.
    :raises ValueError: if there is no target.
    """

    def __init__(
        self,
        source: WheelSource,
        targets: Sequence[Target],
        policy: Policy | None = None,
        *,
        plan: Plan | None = None,
    ) -> None:
        super().__init__(source.distribution, source.version)
        self._source = source
        self.plan = plan_source(source, targets, policy or Policy()) if plan is None else plan
        if self.plan.refusals:
            raise WheelRefusedError(self.plan.refusals)

    @property
    def validation_error(self) -> type[Exception]:  # type: ignore[override]
        """The wrapped source's."""
        return self._source.validation_error

    @property
    def dist_info_dir(self) -> str:
        """Name of the dist-info folder."""
        return self._source.dist_info_dir

    @property
    def data_dir(self) -> str:
        """Name of the data folder."""
        return self._source.data_dir

    @property
    def dist_info_filenames(self) -> list[str]:
        """Names of the files in the dist-info folder."""
        return self._source.dist_info_filenames

    def read_dist_info(self, filename: str) -> str:
        """Read a text file of the dist-info folder."""
        return self._source.read_dist_info(filename)

    def validate_record(self) -> None:
        """Have the wrapped source hold its RECORD against its files."""
        self._source.validate_record()

    def get_contents(self) -> Iterator[tuple[tuple[str, str, str], BinaryIO, bool]]:
        """Give out RECORD row, stream and executable bit of each file under its planned names."""
        for (path, hash_, size), stream, is_executable in self._source.get_contents():
            new_paths = self.plan.paths_of(path)
            if not new_paths and "__pycache__" in path.split("/"):
                # as installer 1.x does by itself, and 0.7.0 doesn't
                warnings.warn(
                    f"Skip installing {path} from {self.distribution}: {codes.BYTECODE_SKIPPED.reason}.",
                    RuntimeWarning,
                    stacklevel=2,
                )
            for new_path in new_paths:
                if new_path != new_paths[0]:
                    stream.seek(0)
                yield (new_path, hash_, size), stream, is_executable


def plan_source(source: WheelSource, targets: Sequence[Target], policy: Policy) -> Plan:
    """Look at a wheel's members, as far as is needed, and plan.

    :param source: a :class:`~wheelfix.archive.WheelArchive`, whose file name's tags are held against the targets, or
        any other source, for which a resolver has done so.
    :raises InvalidWheelError: if the wheel is broken.
    :raises ValueError: if there is no target.
    """
    if isinstance(source, WheelArchive):
        name, tags, findings = source.file_name, source.tags, source.findings
        root_scheme = source.root_scheme
    else:
        name, findings = f"{source.distribution} {source.version}", ()
        metadata = parse_metadata_file(source.read_dist_info("WHEEL"))
        tags = _metadata_tags(metadata.get_all("Tag") or [], name)
        root_scheme = "purelib" if metadata["Root-Is-Purelib"] == "true" else "platlib"
    wheel = Wheel(
        file_name=name,
        tags=tags,
        members=tuple(_members(source, root_scheme)),
        entry_points=_entry_points(source),
        check_tags=isinstance(source, WheelArchive),
    )
    if any(member.binary_format == "elf" for member in wheel.members):
        wheel = _with_facts(wheel, source, targets)
    decided = plan(wheel, targets, policy)
    if len({member.scheme for member in wheel.members}) > 1:
        findings += tuple(_collisions(wheel, decided, source, root_scheme, targets))
    return decided.with_findings(findings)


def _with_facts(wheel: Wheel, source: WheelSource, targets: Sequence[Target]) -> Wheel:
    """Read the ELF files of which the planner needs to know more than their header."""
    in_doubt = members_in_doubt(wheel, targets)
    if not in_doubt:
        return wheel
    examined = dict(_examined(source, in_doubt, wheel.members))
    return wheel._replace(
        members=tuple(examined.get(member.path, member) for member in wheel.members),
        path_entries=tuple(_path_entries(source, wheel.members)),
    )


def _metadata_tags(lines: list[str], wheel: str) -> frozenset[WheelTag]:
    # each line should be one tag; a compressed set as long as a file name may be is taken too
    if any(len(line) > _MAX_TAG_LENGTH for line in lines):
        sentence = "a Tag in the WHEEL file is too long"
        raise InvalidWheelError([Finding(codes.BAD_WHEEL_METADATA, wheel, sentence)])
    try:
        return frozenset().union(*(parse_wheel_tags(line.strip()) for line in lines))
    except ValueError as error:
        raise InvalidWheelError([Finding(codes.BAD_WHEEL_METADATA, wheel, str(error))]) from error


def _entry_points(source: WheelSource) -> frozenset[str]:
    if "entry_points.txt" not in source.dist_info_filenames:
        return frozenset()
    text = source.read_dist_info("entry_points.txt")
    return frozenset(name for name, _, _, _ in parse_entrypoints(text))


def _collisions(
    wheel: Wheel, decided: Plan, source: WheelSource, root_scheme: str, targets: Sequence[Target]
) -> Iterator[Finding]:
    """Find members of two schemes that are one file on a target: purelib mostly is platlib too."""
    owners: dict[tuple[str, str], str] = {}
    for member in wheel.members:
        for new_path in decided.paths_of(member.path):
            scheme, scheme_path = scheme_of(new_path, source, root_scheme)
            places = {(target.paths.get(scheme, scheme), scheme_path) for target in targets}
            taken = [owners.setdefault(place, member.path) for place in sorted(places)]
            other = next((owner for owner in taken if owner != member.path), None)
            if other is not None:
                sentence = f"it would be written to the same file as {other}"
                yield Finding(codes.DUPLICATE_MEMBER, new_path, sentence)


def _streams(source: WheelSource, wanted: Collection[str]) -> Iterator[tuple[str, BinaryIO]]:
    """Give out path and stream of the wanted members, without opening others where that can be had."""
    if isinstance(source, WheelArchive):
        for path in sorted(wanted):
            with source.open_member(path) as stream:
                yield path, stream
    else:
        for (path, _, _), stream, _ in source.get_contents():
            if path in wanted:
                yield path, stream


def _members(source: WheelSource, root_scheme: str) -> Iterator[Member]:
    for path, head in dict(_heads(source)).items():
        scheme, scheme_path = scheme_of(path, source, root_scheme)
        yield _member(Member(path, scheme, scheme_path), head)


def _heads(source: WheelSource) -> Iterator[tuple[str, bytes]]:
    """Give out each file's path and first bytes; none of a file that can't be machine code by its place or name."""
    dist_info = f"{source.dist_info_dir}/"

    def is_text(path: str) -> bool:
        return path.endswith(_SOURCE_SUFFIXES) or path.startswith(dist_info)

    if isinstance(source, WheelArchive):
        for path in source.paths:
            if is_text(path):
                yield path, b""
            else:
                yield path, source.read_head(path, _HEAD_SIZE)
    else:
        for (path, _, _), stream, _ in source.get_contents():
            yield path, b"" if is_text(path) else stream.read(_HEAD_SIZE)


def _member(member: Member, head: bytes) -> Member:
    binary_format = "pe" if head.startswith(b"MZ") else _FORMATS.get(head[:4])
    if binary_format is None:
        return member
    member = member._replace(binary_format=binary_format)
    if binary_format != "elf":
        return member
    # pyelftools takes 30 ms to import
    from wheelfix.elf import MalformedElfError, read_architecture

    try:
        return member._replace(architecture=read_architecture(head, member.path))
    except MalformedElfError as error:
        return member._replace(malformed=error.findings[0].sentence)


def _examined(
    source: WheelSource, wanted: Collection[str], members: Sequence[Member]
) -> Iterator[tuple[str, Member]]:
    from tempfile import SpooledTemporaryFile

    from wheelfix.elf import MalformedElfError, init_symbol_names, read_facts

    by_path = {member.path: member for member in members}
    for path, stream in _streams(source, wanted):
        member = by_path[path]
        # a member of a zip archive can only be read forwards, the tables of an ELF file lie anywhere
        with SpooledTemporaryFile(max_size=_SPOOL_SIZE) as copy:
            while chunk := stream.read(_COPY_SIZE):
                copy.write(chunk)
            symbols = init_symbol_names(module_name(member))
            try:
                facts = read_facts(cast("BinaryIO", copy), path, symbols)
            except MalformedElfError as error:
                yield path, member._replace(malformed=error.findings[0].sentence)
            else:
                yield path, member._replace(facts=facts)


def _path_entries(source: WheelSource, members: Sequence[Member]) -> Iterator[str]:
    """Read the folders that the wheel's own .pth files add (site.py, addpackage)."""
    wanted = {
        member.path
        for member in members
        if member.scheme in IMPORT_SCHEMES
        and member.scheme_path.endswith(".pth")
        and "/" not in member.scheme_path
    }
    for _, stream in _streams(source, wanted):
        for line in stream.read(_COPY_SIZE).decode("utf-8", "replace").splitlines():
            entry = line.strip().strip("/")
            if entry and not line.startswith(("#", "import ", "import\t", "/")):
                yield entry
