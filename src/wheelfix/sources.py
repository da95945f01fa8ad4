"""A wheel's members under the names that the targets import."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from installer.sources import WheelSource
from installer.utils import parse_entrypoints, parse_metadata_file

from wheelfix import codes
from wheelfix._evidence import members_of, needed_names, with_facts
from wheelfix.archive import WheelArchive
from wheelfix.codes import Finding
from wheelfix.errors import InvalidWheelError, WheelRefusedError
from wheelfix.planning import Plan, Policy, Wheel, collisions, names_in_question, plan
from wheelfix.wheel_tags import parse_wheel_tags

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.targets import Target
    from wheelfix.wheel_tags import WheelTag

__all__ = ["RepairedSource", "entry_points_of", "metadata_tags", "plan_source"]

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
                # one that links by the stream's name, as PDM's does, may have closed it
                if new_path != new_paths[0] and not stream.closed:
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
        tags = metadata_tags(metadata.get_all("Tag") or [], name)
        root_scheme = "purelib" if metadata["Root-Is-Purelib"] == "true" else "platlib"
    wheel = Wheel(
        file_name=name,
        tags=tags,
        members=tuple(members_of(source, root_scheme)),
        entry_points=entry_points_of(source),
        check_tags=isinstance(source, WheelArchive),
    )
    wheel = with_facts(wheel, source, targets)
    decided = plan(wheel, targets, policy)
    in_question = names_in_question(wheel, decided)
    if in_question:
        wheel = wheel._replace(needed=needed_names(wheel, source, in_question))
        decided = plan(wheel, targets, policy)
    folders = [partial(_folder_of_scheme, target) for target in targets]
    return decided.with_findings((*findings, *collisions(wheel, decided, folders)))


def _folder_of_scheme(target: Target, scheme: str) -> str:
    return target.paths.get(scheme, scheme)


def metadata_tags(lines: list[str], wheel: str) -> frozenset[WheelTag]:
    """Read the Tag lines of a WHEEL file.

    :param wheel: what to call it in an error.
    :raises InvalidWheelError: WF404 if they can't be read.
    """
    # each line should be one tag; a compressed set as long as a file name may be is taken too
    if any(len(line) > _MAX_TAG_LENGTH for line in lines):
        sentence = "a Tag in the WHEEL file is too long"
        raise InvalidWheelError([Finding(codes.BAD_WHEEL_METADATA, wheel, sentence)])
    try:
        return frozenset().union(*(parse_wheel_tags(line.strip()) for line in lines))
    except ValueError as error:
        raise InvalidWheelError([Finding(codes.BAD_WHEEL_METADATA, wheel, str(error))]) from error


def entry_points_of(source: WheelSource) -> frozenset[str]:
    """Name the scripts that an installer writes itself."""
    if "entry_points.txt" not in source.dist_info_filenames:
        return frozenset()
    text = source.read_dist_info("entry_points.txt")
    return frozenset(name for name, _, _, _ in parse_entrypoints(text))
