"""What is foretold of loading, where an install can know it beforehand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from wheelfix.archive import WheelArchive
    from wheelfix.layout import InstallOptions
    from wheelfix.planning import Plan, Policy
    from wheelfix.targets import Target

__all__ = ["load_findings"]

_MODULE_SUFFIX = ".so"


def load_findings(
    archive: WheelArchive,
    decided: Plan,
    targets: Sequence[Target],
    policy: Policy,
    options: InstallOptions,
    *,
    brought: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Foretell which modules of a planned wheel won't load on targets with musl.

    Only there a wheel whose tags and names fit may be certain to fail: initial-exec TLS refuses it (WF305). What may
    still come right, a library that is installed later, is a warning. With glibc nothing is that certain, and all
    modules would have to be unpacked to be looked at: ``wheelfix check`` does that.

    :param brought: names of the files that other wheels of the call bring.
    :return: WF305, and for every other error a WF321.
    """
    names_code = any(path.endswith(_MODULE_SUFFIX) for path in archive.paths)
    if not names_code or decided.refusals or all(target.libc != "musl" for target in targets):
        return ()
    from wheelfix.checking import System, load_failures

    systems = [
        System(
            target,
            _root_of(target, options),
            options.interpreter if options.inside_root else None,
            import_folder=options.flat_folder and os.path.abspath(options.flat_folder),
        )
        for target in targets
        if target.libc == "musl"
    ]
    return tuple(_said(load_failures(archive, systems, policy, decided, brought)))


def _root_of(target: Target, options: InstallOptions) -> str | None:
    """Give the root that the target's interpreter is read in; None for one that isn't here."""
    if options.inside_root:
        return options.destdir
    return None if target.executable is None else "/"


def _said(failures: Sequence[Finding]) -> Iterator[Finding]:
    for finding in failures:
        if finding.code is codes.INITIAL_EXEC_TLS:
            yield finding
        else:
            sentence = f"{finding.code.id}: {finding.sentence}"
            yield Finding(codes.WILL_NOT_LOAD, finding.subject, sentence)
