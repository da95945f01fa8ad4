"""The modules of one wheel or folder, each alone and after its siblings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.linkage._model import LoadClass, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wheelfix.linkage._process import Process

__all__ = ["foretell_load", "foretell_loads"]

# what a library that is in the process already can mend
_MENDABLE = (LoadClass.MISSING_LIBRARY, LoadClass.MISSING_SYMBOL)


def foretell_load(process: Process, path: str, siblings: Sequence[str] = ()) -> Outcome:
    """Foretell how the loader answers when the interpreter imports one module first of all.

    :param process: of the interpreter; it stays as it is.
    :param path: absolute, as the target sees it.
    :param siblings: other modules of the same wheel. Where the module is refused alone and loads after one of
        them, the outcome's ``loads_after`` names it: then the order of imports decides.
    """
    alone = process.fork().dlopen(path)
    if alone.kind not in _MENDABLE:
        return alone
    with_all, loadable = _with_siblings(process, [each for each in siblings if each != path])
    return _after_siblings(process, path, alone, with_all, loadable)


def foretell_loads(process: Process, paths: Iterable[str]) -> dict[str, Outcome]:
    """Foretell it for all modules of one wheel, each alone; see :func:`foretell_load`."""
    alone = {path: process.fork().dlopen(path) for path in paths}
    if not any(outcome.kind in _MENDABLE for outcome in alone.values()):
        return alone
    loading = [path for path, outcome in alone.items() if outcome.kind is LoadClass.LOADS]
    with_all, loadable = _with_siblings(process, loading)
    return {
        path: _after_siblings(process, path, outcome, with_all, loadable)
        if outcome.kind in _MENDABLE
        else outcome
        for path, outcome in alone.items()
    }


def _with_siblings(process: Process, siblings: Sequence[str]) -> tuple[Process, list[str]]:
    with_all = process.fork()
    loadable = [each for each in siblings if with_all.dlopen(each).kind is LoadClass.LOADS]
    return with_all, loadable


def _after_siblings(
    process: Process, path: str, alone: Outcome, with_all: Process, loadable: Sequence[str]
) -> Outcome:
    if not loadable or with_all.fork().dlopen(path).kind is not LoadClass.LOADS:
        return alone
    for each in loadable:
        with_one = process.fork()
        with_one.dlopen(each)
        if with_one.dlopen(path).kind is LoadClass.LOADS:
            return alone._replace(loads_after=(each,))
    return alone._replace(loads_after=tuple(loadable))
