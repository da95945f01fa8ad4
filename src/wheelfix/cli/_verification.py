"""``--verify import``: what was installed is imported by the targets."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.checking import System, check_wheel
from wheelfix.cli._reports import is_terminal, print_line
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError, WheelfixError
from wheelfix.layout import folders_of, name_of, under_destdir
from wheelfix.reports import finding_lines
from wheelfix.verifying import ImportOutcome, WheelFiles, verify_imports

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.checking import CheckedModule
    from wheelfix.installing import InstalledWheel
    from wheelfix.layout import InstallOptions
    from wheelfix.observing import Observer
    from wheelfix.planning import Policy
    from wheelfix.targets import Target
    from wheelfix.verifying import VerifiedModule

__all__ = ["Verification"]

_MOST_NAMED = 5


class Verification:
    """What one call verifies. It is made before the install, and reads all that it needs of the wheels.

    :param paths: of the wheel files. What is wrong with them is left to the install to say.
    :param targets: that shall import them.
    :param policy: which repairs and refusals the install is given.
    :param options: where it puts the files.
    :raises EnvironmentRefusedError: WF501 if a target can't be run.
    """

    def __init__(
        self,
        paths: Sequence[str],
        targets: Sequence[Target],
        policy: Policy,
        options: InstallOptions,
    ) -> None:
        for target in targets:
            if target.executable is None:
                finding = Finding(codes.CANNOT_ASK, name_of(target), "it has no executable to run")
                raise EnvironmentRefusedError([finding])
        self._targets = targets
        self._options = options
        self._files: list[WheelFiles] = []
        self._foretold: list[list[dict[str, CheckedModule]]] = []
        flat = options.flat_folder and os.path.abspath(options.flat_folder)
        systems = [System(target, root="/", import_folder=flat) for target in targets]
        with contextlib.suppress(WheelfixError):
            for path in paths:
                self._files.append(WheelFiles(path, policy.allow, options.validate_record))
        for path in paths:
            self._foretold.append([{} for _ in targets])
            # a wheel whose RECORD is let through isn't checked
            with contextlib.suppress(WheelfixError):
                checked = check_wheel(path, systems, policy)
                self._foretold[-1] = [
                    {module.path: module for module in each.modules} for each in checked.targets
                ]

    def run(
        self, wheels: Sequence[InstalledWheel], observer: Observer
    ) -> Iterator[list[VerifiedModule]]:
        """Import the modules of each wheel on each target."""
        for wheel, files, foretold in zip(wheels, self._files, self._foretold):
            seen = folders_of(self._targets, self._options, wheel.distribution)
            folders = {
                scheme: under_destdir(folder, self._options.destdir)
                for scheme, folder in seen.items()
            }
            modules = files.modules(wheel.plan, folders)
            total = len(modules) * len(self._targets)
            found: list[VerifiedModule] = []
            for target, of_target in zip(self._targets, foretold):

                def tell(done: int, before: int = len(found), total: int = total) -> None:
                    observer.verified(before + done, total)

                found += verify_imports(
                    modules,
                    target,
                    list(dict.fromkeys([folders["purelib"], folders["platlib"]])),
                    own_names=files.top_level_names,
                    foretold=of_target,
                    on_progress=tell,
                )
            yield found

    @staticmethod
    def tell(
        wheels: Sequence[InstalledWheel],
        verified: Sequence[Sequence[VerifiedModule]],
        *,
        to_stdout: bool,
    ) -> bool:
        """Print what came out: on a terminal a line for each wheel, else only what is wrong.

        :return: whether nothing is.
        """
        if to_stdout and is_terminal():
            for wheel, modules in zip(wheels, verified):
                for line in _summary_lines(wheel, modules):
                    print_line(line)
        every = [module for modules in verified for module in modules]
        findings = [module.finding for module in every if module.finding is not None]
        lines = [*finding_lines(findings), *_disagreements(every)]
        for line in lines:
            print(line if line.startswith(" ") else f"wheelfix: {line}", file=sys.stderr)
        return not findings


def _summary_lines(wheel: InstalledWheel, modules: Sequence[VerifiedModule]) -> Iterator[str]:
    name = f"{wheel.distribution} {wheel.version}"
    if not modules:
        yield f"{name}: verified: it has no extension modules"
    by_target: dict[str, list[VerifiedModule]] = {}
    for module in modules:
        by_target.setdefault(module.target, []).append(module)
    for target, of_target in by_target.items():
        where = f" on {target}" if len(by_target) > 1 else ""
        outcomes = [each.outcome for each in of_target]
        good = len([each for each in of_target if each.finding is None])
        verb = "load" if ImportOutcome.LOADS in outcomes else "import"
        noun = f"module {verb}s" if len(of_target) == 1 else f"modules {verb}"
        yield f"{name}: verified{where}: {good} of {len(of_target)} {noun}"
        yield from _loading_lines(of_target)


def _loading_lines(modules: Sequence[VerifiedModule]) -> Iterator[str]:
    """Say of modules that load why their import ends all the same; most have the same reason."""
    by_sentence: dict[str, list[str]] = {}
    for module in modules:
        if module.outcome is ImportOutcome.LOADS:
            by_sentence.setdefault(str(module.sentence), []).append(module.name)
    for sentence, names in by_sentence.items():
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        yield f"  {', '.join(names[:_MOST_NAMED])}{more}: {sentence}"


def _disagreements(modules: Sequence[VerifiedModule]) -> Iterator[str]:
    for module in modules:
        if module.agrees is False and module.foretold is not None:
            yield (
                f"note: {module.path}: foretold was that it {_foretold_words(module.foretold)}, "
                f"but on {module.target} it is: {module.outcome.value}"
            )


def _foretold_words(foretold: CheckedModule) -> str:
    outcome = foretold.outcome
    if not foretold.is_found or outcome is None:
        return "is found" if foretold.is_found else "is not found"
    return f"ends in: {outcome.kind.value}" + (f" ({outcome.sentence})" if outcome.sentence else "")
