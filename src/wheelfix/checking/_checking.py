"""What becomes of each module of a wheel on each of several systems."""

from __future__ import annotations

import posixpath
from functools import partial
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.archive import WheelArchive
from wheelfix.checking._contents import contents_of_archive
from wheelfix.checking._finder import found_file
from wheelfix.checking._model import CheckedModule, CheckedTarget, CheckedWheel
from wheelfix.checking._modules import modules_of
from wheelfix.checking._systems import folder_of_scheme, minor_version, process_of
from wheelfix.codes import Finding, Severity
from wheelfix.elf import MalformedElfError
from wheelfix.linkage import ModuleContext, foretell_loads, load_findings
from wheelfix.naming import loads_under
from wheelfix.planning import (
    IMPORT_SCHEMES,
    Action,
    Policy,
    collisions,
    is_stable_abi_wheel,
    left_out,
    plan,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence

    from wheelfix.checking._contents import Contents
    from wheelfix.checking._model import System
    from wheelfix.checking._modules import Module
    from wheelfix.linkage import Outcome
    from wheelfix.planning import Member, Plan

__all__ = ["SystemCheck", "check_contents", "check_wheel"]


def check_wheel(
    path: str | os.PathLike[str],
    systems: Sequence[System],
    policy: Policy | None = None,
    *,
    check_tags: bool = True,
) -> CheckedWheel:
    """Foretell whether each module of a wheel will import, and run nothing.

    :param path: of the wheel file.
    :param systems: the targets, each with the file system that its loader searches.
    :param policy: what an install would be allowed to do; with ``Repair.OFF`` the answer is what other installers
        leave behind.
    :param check_tags: whether to hold the wheel's tags against the targets'; on those that they don't fit, nothing
        more is foretold.
    :raises InvalidWheelError: if the wheel is broken.
    :raises EnvironmentRefusedError: WF520 if a system's interpreter or loader can't be read.
    """
    policy = policy or Policy()
    with WheelArchive.open(path, allow=policy.allow) as archive:
        contents = contents_of_archive(archive)
    return check_contents(contents, systems, policy, check_tags=check_tags)


def check_contents(
    contents: Contents, systems: Sequence[System], policy: Policy, *, check_tags: bool
) -> CheckedWheel:
    """Foretell it of what was read already."""
    contents = contents._replace(wheel=contents.wheel._replace(check_tags=check_tags))
    modules = modules_of(contents.wheel, contents.facts)
    targets = tuple(
        SystemCheck(
            contents, modules, system, policy, plan(contents.wheel, [system.target], policy)
        ).result()
        for system in systems
    )
    everywhere = [finding for each in left_out(contents.wheel) for finding in each.findings]
    return CheckedWheel(contents.wheel.file_name, (*contents.findings, *everywhere), targets)


class SystemCheck:
    """One wheel on one system.

    :param decided: under which names its members are installed there.
    """

    def __init__(
        self,
        contents: Contents,
        modules: Sequence[Module],
        system: System,
        policy: Policy,
        decided: Plan,
    ) -> None:
        self.contents = contents
        self.system = system
        self.policy = policy
        self.plan = decided
        wheel = contents.wheel
        self.decisions = {each.path: each for each in decided.decisions}
        self.paths = {member.path: self.paths_of(member) for member in wheel.members}
        #: where everything lies that an import statement can reach
        self.files = {
            path
            for member in wheel.members
            if member.scheme in IMPORT_SCHEMES
            for path in self.paths[member.path]
        }
        self.modules = [module for module in modules if self.concerns(module)]

    def concerns(self, module: Module) -> bool:
        """Say whether a module is installed and of the target's kind: wheels hold those of other systems too."""
        member = module.member
        return bool(self.paths[member.path]) and (
            member.binary_format == "elf"
            or member.path in self.decisions
            or loads_under(member.file_name, self.system.target.extension_suffixes)
        )

    def paths_of(self, member: Member) -> tuple[str, ...]:
        """Give where a member is installed, below the folder of its scheme; a refused one where it would be."""
        decision = self.decisions.get(member.path)
        if decision is not None and decision.action is Action.REFUSE:
            return (member.scheme_path,)
        return self.plan.scheme_paths_of(member)

    def result(self) -> CheckedTarget:
        if any(finding.refuses for finding in self.plan.findings):
            return CheckedTarget(self.system.name, self.plan.findings, ())
        outcomes = self.outcomes()
        modules = {module.member.path for module in self.modules}
        found = collisions(self.contents.wheel, self.plan, [partial(folder_of_scheme, self.system)])
        others = [
            finding
            for decision in self.plan.decisions
            if decision.path not in modules and decision.action is not Action.LEAVE_OUT
            for finding in decision.findings
        ]
        return CheckedTarget(
            self.system.name,
            (*self.plan.findings, *found, *others),
            tuple(
                self.checked(module, outcomes.get(module.member.path)) for module in self.modules
            ),
        )

    def outcomes(self) -> dict[str, Outcome]:
        """Foretell what the loader says to each module, by its path in the wheel."""
        system_process = process_of(self.system)
        if system_process is None or not self.modules:
            return {}
        modules = {module.member.path for module in self.modules}
        places = {
            self.absolute(member, path): member.path
            for member in self.contents.wheel.members
            if member.architecture is not None
            or member.path in modules
            # the loader finds it, whatever it holds
            or ".so" in member.file_name
            for path in self.paths[member.path]
        }
        process = system_process.with_members(places, self.contents.facts)
        loaded_from = {
            self.absolute(module.member, self.paths[module.member.path][-1]): module.member.path
            for module in self.modules
        }
        outcomes = foretell_loads(process, loaded_from)
        return {loaded_from[path]: outcome for path, outcome in outcomes.items()}

    def absolute(self, member: Member, path: str) -> str:
        return posixpath.join(folder_of_scheme(self.system, member.scheme), path)

    def checked(self, module: Module, outcome: Outcome | None) -> CheckedModule:
        member = module.member
        decision = self.decisions.get(member.path)
        found = found_file(module.stem, self.system.target, self.files)
        is_found = found is not None and found == self.paths[member.path][-1]
        findings = [] if decision is None else list(decision.findings)
        if decision is not None and decision.action is Action.REFUSE:
            findings = [_with_sentence(finding, outcome) for finding in findings]
        elif is_found and outcome is not None:
            findings += self.load_findings(module, outcome)
        elif found is not None and found.endswith(".py"):
            sentence = f"{found} is imported in its stead, without a word"
            findings.append(Finding(codes.SHADOWED, member.path, sentence))
        elif found is None and decision is not None and _are_notes(findings):
            sentence = "no name that the target looks for leads to it"
            findings.append(Finding(codes.REPAIR_IS_OFF, member.path, sentence))
        return CheckedModule(
            path=member.path,
            new_path=None if decision is None else decision.new_path,
            is_found=is_found,
            outcome=outcome,
            instead=None if is_found else found,
            init_symbols=self.defined_init_symbols(module),
            findings=tuple(findings),
        )

    def defined_init_symbols(self, module: Module) -> tuple[str, ...]:
        facts = self.contents.facts.get(module.member.path)
        if facts is None or isinstance(facts, MalformedElfError):
            return ()
        return tuple(name for name in module.init_symbols if name.encode() in facts.defined)

    def load_findings(self, module: Module, outcome: Outcome) -> Iterator[Finding]:
        facts = self.contents.facts.get(module.member.path)
        context = ModuleContext(
            subject=module.member.path,
            libc=self.system.target.libc,
            init_symbols=module.init_symbols,
            is_abi3=module.name.is_stable_abi or is_stable_abi_wheel(self.contents.wheel.tags),
            is_free_threaded=self.system.target.free_threaded,
            bundled={posixpath.basename(path): path for path in self.contents.facts},
            version=minor_version(self.system.target),
        )
        readable = None if isinstance(facts, MalformedElfError) else facts
        for finding in load_findings(context, readable, outcome):
            yield self.policy.permit(finding)


def _are_notes(findings: Iterable[Finding]) -> bool:
    return all(finding.code.severity is Severity.NOTE for finding in findings)


def _with_sentence(finding: Finding, outcome: Outcome | None) -> Finding:
    """Add what a user would see who installs it all the same."""
    if outcome is None or outcome.sentence is None:
        return finding
    return finding._replace(sentence=f'{finding.sentence}; you would see: "{outcome.sentence}"')
