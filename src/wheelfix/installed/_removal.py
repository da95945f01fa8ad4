"""What of an installed distribution may be removed: decided row by row, without a change."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.installed._distributions import other_infos
from wheelfix.installed._environment import status_of
from wheelfix.installed._records import final_paths, open_regular, sharers
from wheelfix.record import STRONG_HASHES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from wheelfix.installed._distributions import InstalledDistribution
    from wheelfix.installed._environment import Environment

__all__ = ["Removal", "plan_removals"]

_BYTECODE_FOLDER = "__pycache__"
#: importlib.util.cache_from_source: stem, tag, and -O level
_BYTECODE = re.compile(r"(.+?)\.[^.]+(?:\.opt-\w+)?\.pyc")
_READ_SIZE = 1024 * 1024
#: deprecated, and never listed in RECORD (PEP 815; wheel specification, "Signed wheel files")
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")


@dataclass(frozen=True)
class Removal:
    """What goes with a distribution.

    :param distribution: that is removed.
    :param files: absolute paths.
    :param folders: those that may be empty then, and shall go if they are; the deepest come first.
    :param findings: WF516 for each file that stays although RECORD lists it.
    """

    distribution: InstalledDistribution
    files: tuple[str, ...]
    folders: tuple[str, ...]
    findings: tuple[Finding, ...]


def plan_removals(
    distributions: Sequence[InstalledDistribution],
    environment: Environment,
    keep: Collection[str] = (),
) -> list[Removal]:
    """Decide what goes with each of some distributions, which all go in one call.

    A RECORD is not trusted: a file goes only if it lies below a scheme folder and behind no symbolic link, is neither
    the interpreter's nor the standard library's, has the hash and size that RECORD gives, and no other distribution's
    RECORD lists it. Without a hash go the bytecode of source files that go, and what is in the own dist-info folder.

    :param distributions: all that the call removes; those installed beside them are looked at for shared files.
    :param keep: absolute paths of files that stay whatever RECORD says, without a finding.
    :raises EnvironmentRefusedError: WF515 if another distribution's RECORD can't be read.
    """
    candidates = [_Candidates(each, environment, frozenset(keep)) for each in distributions]
    wanted = [path for each in candidates for path in each.places]
    shared = sharers(wanted, other_infos(distributions, environment), environment) if wanted else {}
    removals = [each.decide(shared) for each in candidates]
    gone = {path for removal in removals for path in removal.files}
    # of two versions of one distribution, one may know better what a file is like
    return [
        replace(each, findings=tuple(f for f in each.findings if f.subject not in gone))
        for each in removals
    ]


class _Candidates:
    """The files of one distribution that may go by their place."""

    def __init__(
        self, distribution: InstalledDistribution, environment: Environment, keep: frozenset[str]
    ) -> None:
        self._distribution = distribution
        self._environment = environment
        self._keep = keep
        self._is_direct: dict[str, bool] = {}
        # several rows can mean one file
        self._rows: dict[str, set[tuple[str, str]]] = {}
        self._kept: dict[str, str] = {}
        self._absent: set[str] = set()
        self.places: dict[str, None] = {}
        self._bytecode: dict[str, list[str]] = {}
        for row_path, hash_, size in distribution.rows.values():
            self._add_row(row_path, hash_, size)
        for name in _SIGNATURES:
            self._look_at(os.path.join(distribution.info, name), is_listed=False)
        self._add_bytecode()

    def _add_row(self, row_path: str, hash_: str, size: str) -> None:
        path = ""
        for path in final_paths(row_path, self._distribution.site, self._environment):
            if self._environment.root_of(path) is not None:
                break
        else:
            self._kept[path or row_path] = "it lies outside of the environment's folders"
            return
        if row_path in self._distribution.conflicts:
            self._kept[path] = "RECORD has several rows for it, which disagree"
            return
        if path not in self._rows:
            self._look_at(path, is_listed=True)
        self._rows.setdefault(path, set()).add((hash_, size))

    def _look_at(self, path: str, *, is_listed: bool) -> None:
        """Sort a file in: one that may go, is missing, or stays."""
        if path in self._keep:
            return
        try:
            status = status_of(path)
        except (OSError, ValueError) as error:
            # ValueError: a name that the file system's encoding has no bytes for
            sentence = getattr(error, "strerror", None) or str(error)
            self._kept[path] = f"it can't be looked at: {sentence}"
            return
        if status is None:
            self._absent.add(path)
            return
        reason = self._obstacle(path, status)
        if reason is None:
            self.places[path] = None
        elif is_listed:
            self._kept[path] = reason

    def _obstacle(self, path: str, status: os.stat_result) -> str | None:
        """Say why a file stays wherever its content comes from."""
        if stat.S_ISDIR(status.st_mode):
            return "it is a folder"
        if not self._is_reached_directly(os.path.dirname(path)):
            return "a symbolic link leads to its folder"
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
            return "it is no regular file"
        return self._environment.ownership(path, status, self._distribution.name)

    def _is_reached_directly(self, folder: str) -> bool:
        """Tell whether no folder between the scheme folder and this one is a symbolic link."""
        known = self._is_direct.get(folder)
        if known is None:
            known = folder in self._environment.roots or (
                not os.path.islink(folder) and self._is_reached_directly(os.path.dirname(folder))
            )
            self._is_direct[folder] = known
        return known

    def _add_bytecode(self) -> None:
        """Find the bytecode of all listed source files, which installers don't always list."""
        by_folder: dict[str, dict[str, str]] = {}
        for path in self._rows:
            if path.endswith(".py") and (path in self.places or path in self._absent):
                folder, name = os.path.split(path)
                by_folder.setdefault(folder, {})[name[: -len(".py")]] = path
        for folder, sources in by_folder.items():
            for path, stem in _bytecode_in(os.path.join(folder, _BYTECODE_FOLDER)):
                source = sources.get(stem)
                if source is not None:
                    self._bytecode.setdefault(source, []).append(path)
                    self._kept.pop(path, None)
                    if path not in self.places:
                        self._look_at(path, is_listed=False)

    def decide(self, shared: dict[str, str]) -> Removal:
        """Decide by content.

        :param shared: by path, the dist-info folder of another distribution that lists it.
        """
        bytecode = {path: source for source, paths in self._bytecode.items() for path in paths}
        gone = []
        for path in self.places:
            if path in bytecode:
                continue
            reason = self._reason_to_stay(path, shared)
            if reason is None:
                gone.append(path)
            else:
                self._kept[path] = reason
        sources = self._absent.union(gone)
        gone += [
            path
            for path, source in bytecode.items()
            if source in sources and path in self.places and path not in shared
        ]
        self._keep_unlisted_metadata(gone)
        findings = [Finding(codes.FILE_KEPT, path, why) for path, why in self._kept.items()]
        return Removal(self._distribution, tuple(gone), self._folders(gone), tuple(findings))

    def _reason_to_stay(self, path: str, shared: dict[str, str]) -> str | None:
        if path in shared:
            return f"{os.path.basename(shared[path])} lists it as well"
        if path.startswith(os.path.join(self._distribution.info, "")):
            # the folder is the distribution itself; what it would leave behind could never be removed
            return None
        rows = self._rows[path]
        if len(rows) > 1:
            return "RECORD has several rows for it, which disagree"
        ((hash_, size),) = rows
        name, _, digest = hash_.partition("=")
        # PDM writes "sha256=" where it links files from its cache
        if not digest:
            return "RECORD has no hash for it"
        if name not in STRONG_HASHES:
            return f"RECORD has only a hash for it that can be forged, {name}"
        return _content_issue(path, name, digest, size)

    def _keep_unlisted_metadata(self, gone: Iterable[str]) -> None:
        """Tell what keeps the dist-info folder from going."""
        known = {*gone, *self._kept, *self._keep}
        for folder, _, names in os.walk(self._distribution.info):
            for path in sorted(os.path.join(folder, name) for name in names):
                if path not in known:
                    self._kept[path] = "RECORD doesn't list it"

    def _folders(self, gone: Iterable[str]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for folder in {os.path.dirname(path) for path in gone}:
            found.update(dict.fromkeys(self._environment.folders_above(os.path.join(folder, "_"))))
        return tuple(sorted(found, key=lambda each: (-each.count(os.sep), each)))


def _bytecode_in(folder: str) -> list[tuple[str, str]]:
    """List the bytecode files in a folder that is none behind a symbolic link, each with its source's stem."""
    if os.path.islink(folder):
        return []
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    matches = ((name, _BYTECODE.fullmatch(name)) for name in names)
    return [(os.path.join(folder, name), match[1]) for name, match in matches if match is not None]


def _content_issue(path: str, hash_name: str, digest: str, size: str) -> str | None:
    """Say why a file's content is not the one in RECORD.

    A link's content is that of where it leads: removed is the link alone (uv makes links to its cache if told to).
    """
    sentence = "it is not as it was installed: its hash or size is not the one in RECORD"
    try:
        with open_regular(path) as stream:
            found_size = os.fstat(stream.fileno()).st_size
            if size and found_size != int(size):
                return sentence
            hasher = hashlib.new(hash_name)
            buffer = bytearray(min(_READ_SIZE, found_size + 1))
            while count := stream.readinto(buffer):
                hasher.update(memoryview(buffer)[:count])
    except OSError as error:
        return f"it can't be read: {error.strerror}"
    found = base64.urlsafe_b64encode(hasher.digest()).rstrip(b"=").decode()
    return None if found == digest.rstrip("=") else sentence
