"""What ``wheelfix check`` foretells of the probes: from the wheel file and the roots' files alone."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from support.load_probe import Kind, Outcome
from support.load_roots import load_root
from support.wheels import fetch, known_wheels
from wheelfix.checking import System, check_wheel
from wheelfix.planning import Policy, Repair
from wheelfix.targets.roots import read_root

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from support.foretelling_compared import Foretelling
    from support.load_probe import Probe
    from wheelfix.checking import CheckedModule
    from wheelfix.targets import Target

__all__ = ["checked_modules", "foretelling"]


@functools.cache
def _wheel_files() -> dict[str, Path]:
    return {wheel.sha256: fetch(wheel) for wheel in known_wheels().values()}


@functools.cache
def _target(root: str, interpreter: str) -> Target:
    found = load_root(root)
    return read_root(str(found.folder), found.interpreters[interpreter].path)


def _system(root: str, interpreter: str, folder: str) -> System:
    found = load_root(root)
    return System(
        _target(root, interpreter),
        str(found.folder),
        found.interpreters[interpreter].path,
        import_folder=folder,
    )


def checked_modules(probes: Iterable[Probe]) -> dict[Probe, CheckedModule]:
    """Check each wheel once, as other installers would leave it, in the folder in which the probes find it.

    :return: what is said of each file that is a module which an import reaches.
    """
    of_wheel: dict[str, list[Probe]] = {}
    for probe in probes:
        of_wheel.setdefault(probe.sha256, []).append(probe)
    return {probe: module for each in of_wheel.items() for probe, module in _of_wheel(*each)}


def _of_wheel(sha256: str, probes: Sequence[Probe]) -> Iterator[tuple[Probe, CheckedModule]]:
    places = sorted({(probe.root, probe.interpreter) for probe in probes})
    systems = [_system(*place, folder=f"/wheels/{sha256[:12]}") for place in places]
    found = check_wheel(_wheel_files()[sha256], systems, Policy(Repair.OFF), check_tags=False)
    modules = {
        (*place, module.path): module
        for place, target in zip(places, found.targets)
        for module in target.modules
    }
    for probe in probes:
        module = modules.get((probe.root, probe.interpreter, probe.member))
        if module is not None:
            yield probe, module


def foretelling(modules: Mapping[Probe, CheckedModule]) -> Foretelling:
    """Give what is foretold in the terms of what happened."""

    def foretell(probe: Probe) -> Outcome:
        module = modules[probe]
        assert module.outcome is not None, probe
        load = Kind(module.outcome.kind.value)
        symbols = module.init_symbols if load is Kind.LOADS else ()
        return Outcome(load, module.outcome.sentence or "", module.is_found, symbols)

    return foretell
