"""A planned wheel, with where it goes."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from installer.utils import get_launcher_kind, parse_entrypoints

from wheelfix import codes
from wheelfix.archive import scheme_of
from wheelfix.codes import Finding
from wheelfix.destinations import TransactionalDestination
from wheelfix.layout import follow_links, shebang_of, under_destdir
from wheelfix.planning import Action

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from wheelfix.archive import WheelArchive
    from wheelfix.bytecode import SourceFile
    from wheelfix.layout import InstallOptions
    from wheelfix.planning import Plan, Policy
    from wheelfix.targets import Target
    from wheelfix.transactions import Transaction
    from wheelfix.writing import MemberWriter, WrittenMember

__all__ = ["PlannedWheel"]


class PlannedWheel:
    """One planned wheel, with where it goes."""

    def __init__(
        self,
        archive: WheelArchive,
        plan: Plan,
        findings: tuple[Finding, ...],
        *,
        folders: Mapping[str, str],
        targets: Sequence[Target],
        options: InstallOptions,
        policy: Policy,
        transaction: Transaction,
        writer: MemberWriter,
    ) -> None:
        self.archive = archive
        self.transaction = transaction
        self.writer = writer
        self.plan = plan.with_findings(findings)
        self.policy = policy
        #: folders of the interpreters' own modules
        self.standard_library = {
            under_destdir(follow_links(target.paths[name], options), options.destdir)
            for target in targets
            for name in ("stdlib", "platstdlib")
            if name in target.paths
        }
        self.replaces: tuple[str, ...] = ()
        self.script_kind = options.script_kind or get_launcher_kind()
        # the interpreter's path would make the file another one on every machine
        unplaced = tuple(
            finding._replace(subject=codes.EXTERNALLY_MANAGED.reason) for finding in findings
        )
        self.metadata = _metadata(plan.with_findings(unplaced), options)
        duplicates = [each for each in plan.decisions if each.action is Action.DUPLICATE]
        self.destination = TransactionalDestination(
            folders,
            targets[0].executable or "python3",
            self.script_kind,
            transaction,
            destdir=options.destdir,
            overwrite_existing=options.overwrite_existing,
            same_content={
                self.scheme_of(str(each.new_path)): self.scheme_of(each.path)[1]
                for each in duplicates
            },
            shebang=options.interpreter or shebang_of(targets[0]),
            writer=writer,
        )
        # with --prefix, files go to another interpreter's environment, if there is one
        self.standard_library.update(
            above
            for above in map(os.path.dirname, self.destination.import_folders)
            if os.path.isfile(os.path.join(above, "os.py"))
        )

    def scheme_of(self, path: str) -> tuple[str, str]:
        return scheme_of(path, self.archive, self.archive.root_scheme)

    def scheme_paths(self) -> Iterator[tuple[str, str]]:
        """Name every file that will be written, with its scheme."""
        dist_info = self.archive.dist_info_dir
        for path in self.archive.paths:
            for new_path in self.plan.paths_of(path):
                yield self.scheme_of(new_path)
        for name in self.metadata:
            yield self.archive.root_scheme, f"{dist_info}/{name}"
        if "entry_points.txt" in self.archive.dist_info_filenames:
            for name, _, _, _ in parse_entrypoints(self.archive.read_dist_info("entry_points.txt")):
                yield "scripts", name if self.script_kind == "posix" else f"{name}.exe"

    def source_files(self) -> list[SourceFile]:
        """List what is to be compiled: not beside a __pycache__ that leads somewhere else."""
        from wheelfix.bytecode import SourceFile

        return [
            SourceFile(staged, os.path.dirname(seen_as))
            for staged, final, seen_as in self.destination.python_files
            if not os.path.islink(os.path.join(os.path.dirname(final), "__pycache__"))
        ]

    def note(self, findings: Iterable[Finding]) -> None:
        """Add what was found while it was written."""
        self.plan = replace(self.plan, findings=(*self.plan.findings, *findings))

    def note_differing(self, differing: Iterable[WrittenMember]) -> None:
        """Add whose content isn't the one of RECORD, where the caller lets that through."""
        sentence = "its hash is not the one in RECORD"
        self.note(
            Finding(codes.RECORD_DISAGREES, each.member.path, sentence, allowed=True)
            for each in differing
            if each.member.record_hash
            and not each.agrees
            and each.member.wheel == self.archive.file_name
        )

    def note_failed_bytecode(self, failed: Collection[str]) -> None:
        """Add which source files have no bytecode."""
        sentence = "it has no bytecode for the target"
        self.note(
            Finding(codes.BYTECODE_FAILED, seen_as, sentence)
            for staged, final, seen_as in self.destination.python_files
            if staged in failed
            or os.path.islink(os.path.join(os.path.dirname(final), "__pycache__"))
        )


def _metadata(plan: Plan, options: InstallOptions) -> dict[str, bytes]:
    """Give the dist-info files that the wheel doesn't bring."""
    files = {}
    if options.installer_file:
        files["INSTALLER"] = b"wheelfix\n"
    changes = plan.changes_to_json()
    if changes:
        import json

        files["wheelfix.json"] = f"{json.dumps(changes, indent=2)}\n".encode()
    return files
