"""Each module imported by the target, in a process of its own."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from wheelfix.layout import name_of
from wheelfix.verifying._judging import judge
from wheelfix.verifying._model import ImportOutcome, InstalledModule, VerifiedModule
from wheelfix.verifying._running import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from wheelfix.checking import CheckedModule
    from wheelfix.targets import Target

__all__ = ["verify_imports"]

#: seconds
_TIME_LIMIT = 60.0


def verify_imports(
    modules: Sequence[InstalledModule],
    target: Target,
    folders: Sequence[str],
    *,
    own_names: Collection[str] = (),
    foretold: Mapping[str, CheckedModule] | None = None,
    jobs: int | None = None,
    time_limit: float = _TIME_LIMIT,
    on_progress: Callable[[int], None] | None = None,
) -> list[VerifiedModule]:
    """Import installed extension modules, each in a process of its own, several at a time.

    This runs what the wheel brings. The target is started with ``-I -S -B``, in an empty folder and without any
    variable that changes what Python is. Behind its standard library in ``sys.path`` come ``folders``, then its own
    site-packages, and what the .pth files in them add; lines of these that are code are not run, and no sitecustomize
    is. The import is that of the dotted name, with the packages above it. Where one of those ends it with an
    ImportError before the module's file is reached, the file is loaded by itself.

    :param modules: what to import.
    :param target: with an executable.
    :param folders: into which the modules were installed, as they are to be read here.
    :param own_names: top-level names that the modules' wheel brings: a module missing below another name belongs to
        a distribution that isn't installed.
    :param foretold: by path in the wheel, what was foretold.
    :param jobs: how many processes at most at a time; by default as many as there are processors.
    :param time_limit: seconds for each module.
    :param on_progress: told how many are done, from the calling thread.
    :return: one for each module, in their order.
    :raises ValueError: if the target has no executable.
    """
    if target.executable is None:
        raise ValueError(f"{name_of(target)} can't be run")
    executable = target.executable
    runner = Runner(target, folders, time_limit)

    def verify(module: InstalledModule) -> VerifiedModule:
        paths = {each.file: each.path for each in module.files}
        try:
            answers = runner.run(module)
        except OSError as error:
            first = module.files[0]
            sentence = f"{executable} can't be started: {error.strerror}"
            crash = ImportOutcome.CRASH
            return VerifiedModule(first.path, module.name, first.file, executable, crash, sentence)
        judged = judge(tuple(paths), answers, own_names, _is_same_file, time_limit)
        path = paths[judged.file]
        return VerifiedModule(
            path,
            module.name,
            judged.file,
            executable,
            judged.outcome,
            judged.sentence,
            judged.signal,
            (foretold or {}).get(path),
            judged.elsewhere,
        )

    verified = []
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        try:
            for each in pool.map(verify, modules):
                verified.append(each)
                if on_progress is not None:
                    on_progress(len(verified))
        finally:
            # an interrupt must leave no process behind
            runner.stop()
    return verified


def _is_same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
