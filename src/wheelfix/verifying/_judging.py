"""What one process told, taken for what became of the import. Pure: no process and no file is touched here."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, NamedTuple

from wheelfix.verifying._model import ImportOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from wheelfix.verifying._running import Answers

__all__ = ["Judgement", "judge"]

_MAX_QUOTED = 200


class Judgement(NamedTuple):
    """What became of an import.

    :param file: the one of the module's files that it is about.
    :param elsewhere: the other extension module at which the process died.
    """

    file: str
    outcome: ImportOutcome
    sentence: str | None = None
    signal: str | None = None
    elsewhere: str | None = None


class _Steps:
    """The events of a process, by what they say.

    :param own: gives the one of the module's files that a path is, or None.
    """

    def __init__(
        self, events: Sequence[Mapping[str, Any]], own: Callable[[str], str | None]
    ) -> None:
        self.own = own
        names = [next(iter(event), "") for event in events]
        alone = names.index("alone") if "alone" in names else len(events)
        whole = events[:alone]
        self.is_done = "done" in names
        #: the file that the finder gives
        self.found: str | None = _value(events, "found")
        self.own_found = own(self.found or "")
        #: the file of what a whole import gave, and how it failed
        self.imported: str | None = _value(whole, "imported")
        self.error: Mapping[str, Any] = _value(whole, "error") or {}
        #: how the file by itself failed
        self.error_alone: Mapping[str, Any] | None = _value(events[alone + 1 :], "error")
        #: by extension module on the way, the last step of its loading
        self.progress = _progress(events)
        #: the own file, where the whole import came to it, and how far
        self.reached: str | None = None
        self.own_progress: str | None = None
        for path, step in _progress(whole).items():
            if own(path) is not None:
                self.reached, self.own_progress = own(path), step

    @property
    def unfinished(self) -> str | None:
        """The extension module whose loading began last, and didn't end."""
        begun = (path for path, step in self.progress.items() if step in {"loading", "created"})
        return next(reversed([*begun]), None)


def _progress(events: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    steps = ("loading", "created", "refused", "loaded", "failed")
    return {event[step]: step for event in events for step in steps if step in event}


def _value(events: Sequence[Mapping[str, Any]], name: str) -> Any:
    return next((event[name] for event in events if name in event), None)


def judge(
    files: Sequence[str],
    answers: Answers,
    own_names: Collection[str],
    same_file: Callable[[str, str], bool],
    time_limit: float,
) -> Judgement:
    """Tell what became of one import.

    :param files: that stand for the module.
    :param answers: of its process.
    :param own_names: top-level names that the module's wheel brings.
    :param same_file: tells whether two paths are one file.
    :param time_limit: that the process had, in seconds.
    """

    def own(path: str) -> str | None:
        return next((file for file in files if path and same_file(file, path)), None)

    steps = _Steps(answers.events, own)
    file = steps.reached or steps.own_found or files[0]
    if answers.status is not None and steps.is_done:
        return Judgement(file, *_of_ended(steps, own_names, file))
    elsewhere = None if own(steps.unfinished or file) else steps.unfinished
    where = f" while {elsewhere} was loaded" if elsewhere else ""
    if answers.status is None:
        sentence = f"no answer within {time_limit:g} seconds{where}"
        return Judgement(file, ImportOutcome.TIMEOUT, sentence, None, elsewhere)
    signal_name = _signal_name(-answers.status) if answers.status < 0 else None
    how = f"died of {signal_name}" if signal_name else f"ended with status {answers.status}"
    printed = "" if signal_name else _last_line(answers.output)
    sentence = f"the process {how}{where}{printed}"
    return Judgement(file, ImportOutcome.CRASH, sentence, signal_name, elsewhere)


def _last_line(output: str) -> str:
    lines = reversed(output.splitlines())
    last = next((line.strip() for line in lines if line.strip()), "")
    return f", and printed: {last[:_MAX_QUOTED]}" if last else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _of_ended(
    steps: _Steps, own_names: Collection[str], file: str
) -> tuple[ImportOutcome, str | None]:
    if steps.imported is not None:
        if steps.reached is not None:
            return ImportOutcome.IMPORTED, None
        return ImportOutcome.NOT_FOUND, f"{steps.imported} is imported in its stead"
    if steps.reached is not None:
        return _of_reached(steps, own_names)
    if steps.own_found is not None:
        return _of_unreached(steps, own_names)
    if steps.found is not None:
        return ImportOutcome.NOT_FOUND, f"{steps.found} is found in its stead"
    return ImportOutcome.NOT_FOUND, f"no finder sees {os.path.basename(file)}"


def _of_reached(steps: _Steps, own_names: Collection[str]) -> tuple[ImportOutcome, str]:
    error = steps.error
    # ("cannot import name" names the file as well, but only once there is a module)
    if steps.own_progress == "refused" and steps.own(error["path"]):
        return ImportOutcome.REFUSED, _text(error)
    ended = _of_python_code(error, own_names)
    if ended is not None:
        return ended
    if steps.own_progress == "loaded":
        return ImportOutcome.LOADS, f"its package ends the import after it: {_text(error)}"
    return ImportOutcome.IMPORT_ERROR, _text(error)


def _of_unreached(steps: _Steps, own_names: Collection[str]) -> tuple[ImportOutcome, str]:
    error, alone = steps.error, steps.error_alone
    if alone is not None and steps.own(alone["path"]):
        return ImportOutcome.REFUSED, _text(alone)
    ended = _of_python_code(error, own_names)
    if ended is not None:
        return ended
    # a module with single-phase initialization imports its packages itself, which end it with the same words
    if alone is not None and _text(alone) != _text(error):
        ended = _of_python_code(alone, own_names)
        return ended or (ImportOutcome.IMPORT_ERROR, _text(alone))
    return ImportOutcome.LOADS, f"its package ends the import before it: {_text(error)}"


def _of_python_code(
    error: Mapping[str, Any], own_names: Collection[str]
) -> tuple[ImportOutcome, str] | None:
    """Tell what is broken from what wants another distribution; None for an ImportError that doesn't say."""
    if not error["is_import_error"]:
        return ImportOutcome.EXCEPTION, _text(error)
    foreign = [name for name in error["missing"] if name.partition(".")[0] not in own_names]
    if foreign:
        return ImportOutcome.LOADS, f"its import needs {foreign[-1]!r}, which is not installed"
    return (ImportOutcome.IMPORT_ERROR, _text(error)) if error["missing"] else None


def _text(error: Mapping[str, Any]) -> str:
    return f"{error['type']}: {error['message']}" if error["message"] else str(error["type"])
