"""Many wheels at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wheelfix.archive import WheelArchive
from wheelfix.checking._checking import check_contents
from wheelfix.checking._contents import contents_of_archive
from wheelfix.checking._model import CheckedWheel
from wheelfix.checking._profiles import accepting_systems
from wheelfix.errors import InvalidWheelError
from wheelfix.observing import Observer
from wheelfix.planning import Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    from wheelfix.checking._model import System

__all__ = ["check_wheels"]


def check_wheels(
    paths: Iterable[str | os.PathLike[str]],
    systems: Sequence[System] | None,
    policy: Policy | None = None,
    *,
    machine: str | None = None,
    check_tags: bool = True,
    executor: Executor | None = None,
    observer: Observer | None = None,
) -> Iterator[CheckedWheel]:
    """Foretell for many wheels whether their modules will import; see :func:`check_wheel`.

    :param systems: the targets; None for every profile that accepts a wheel's tags, which differ from wheel to wheel.
    :param machine: of the profiles, where they are chosen by the tags.
    :param executor: where the wheels are checked; None for here. Arguments and results can go to other processes.
    :param observer: told how far it is.
    :return: one for each path, in their order; a broken wheel's has findings and no target.
    :raises EnvironmentRefusedError: WF520 if a system's interpreter or loader can't be read.
    """
    names = [os.fspath(path) for path in paths]
    observer = observer or Observer()
    arguments = (systems, policy or Policy(), machine, check_tags)
    if executor is None:
        for done, name in enumerate(names, 1):
            yield _check_one(name, *arguments)
            observer.checked(done, len(names))
        return
    futures = [executor.submit(_check_one, name, *arguments) for name in names]
    try:
        for done, future in enumerate(futures, 1):
            yield future.result()
            observer.checked(done, len(names))
    finally:
        for future in futures:
            future.cancel()


def _check_one(
    path: str,
    systems: Sequence[System] | None,
    policy: Policy,
    machine: str | None,
    check_tags: bool,  # noqa: FBT001 - an executor passes positions on
) -> CheckedWheel:
    try:
        with WheelArchive.open(path, allow=policy.allow) as archive:
            contents = contents_of_archive(archive)
            chosen = accepting_systems(archive.tags, machine) if systems is None else systems
        return check_contents(contents, chosen, policy, check_tags=check_tags)
    except InvalidWheelError as error:
        return CheckedWheel(os.path.basename(path), tuple(error.findings), ())
