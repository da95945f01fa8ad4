"""The hand that mends an environment in place: all of a call or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.environments._deciding import decide
from wheelfix.environments._model import FixedEnvironment
from wheelfix.environments._place import Place
from wheelfix.environments._survey import survey, survey_packages, wanted_of
from wheelfix.environments._undoing import decide_undoing
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.layout import InstallOptions, environment_findings
from wheelfix.observing import Observer
from wheelfix.planning import Policy
from wheelfix.transactions import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Union

    from wheelfix.environments._deciding import Decided
    from wheelfix.environments._undoing import Undoing
    from wheelfix.targets import Target

    Step = Union[Decided, Undoing]

__all__ = ["fix_environment"]


def fix_environment(
    target: Target,
    names: Iterable[str] = (),
    *,
    policy: Policy | None = None,
    options: InstallOptions | None = None,
    dry_run: bool = False,
    undo: bool = False,
    observer: Observer | None = None,
) -> FixedEnvironment:
    """Give the modules that an installer has put into an environment names that its interpreter imports.

    What RECORD lists under names that an import passes over is decided on by the rule table, and renamed or given a
    second name in one transaction, with RECORD and ``wheelfix.json``. No file is changed in place: a new name is a
    hard link to the installed file, so that an installer's cache stays as it is. A failure brings everything back,
    and what a killed process leaves behind is completed or undone by the next call.

    :param target: the interpreter, whose purelib and platlib are gone through.
    :param names: of distributions, in any spelling (PEP 503); none for all.
    :param policy: which repairs and refusals are wanted.
    :param options: where the environment is; only its places, ``durable`` and ``wait`` count.
    :param dry_run: decide only.
    :param undo: take back what earlier calls have done.
    :param observer: told if the call has to wait.
    :return: its findings tell what could not be mended: refusals of the planner, WF515, WF526, WF611, WF612, WF613.
    :raises EnvironmentRefusedError: if the environment must not or can't be changed (WF504, WF506, WF508, WF510,
        WF512, WF513), or a name isn't installed (WF621).
    """
    policy, options = policy or Policy(), options or InstallOptions()
    findings = () if dry_run else environment_findings([target], policy, options)
    place = Place(target, options)
    wanted = list(names)

    def decided() -> Sequence[Step]:
        installed = survey(place.environment)
        packages = [] if place.packaged_site is None else survey_packages(place.packaged_site)
        chosen = wanted_of([*installed, *packages], wanted, place.environment)
        if undo:
            return decide_undoing(chosen, place)
        return decide(chosen, installed, place, policy)

    try:
        if dry_run:
            steps = decided()
        else:
            transaction = Transaction(
                place.environment.roots,
                durable=options.durable,
                wait=options.wait,
                on_wait=(observer or Observer()).waiting,
            )
            with transaction:
                steps = decided()
                for step in steps:
                    step.stage(place, transaction)
            findings = (*findings, *transaction.findings)
    except OSError as error:
        subject = str(error.filename or place.environment.sites[0])
        finding = Finding(codes.CANNOT_WRITE, subject, error.strerror or str(error))
        raise EnvironmentRefusedError([finding]) from error
    return FixedEnvironment(
        place.environment.sites, tuple(step.result() for step in steps), findings
    )
