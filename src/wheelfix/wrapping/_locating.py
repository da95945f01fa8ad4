"""Where a command installs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.wrapping._model import Located, WatchedPlace
from wheelfix.wrapping._pip import locate_pip
from wheelfix.wrapping._projects import locate_pdm, locate_poetry
from wheelfix.wrapping._recognising import recognise
from wheelfix.wrapping._uv import locate_uv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.wrapping._model import Situation

__all__ = ["locate"]

_LOCATORS = {"pip": locate_pip, "uv": locate_uv, "poetry": locate_poetry, "pdm": locate_pdm}


def locate(command: Sequence[str], executable: str, situation: Situation) -> Located:
    """Find out where a command installs, without running it.

    Known are pip (as command, ``python -m pip``, script or zipapp), uv, Poetry and PDM. Poetry is asked for the
    environment, uv for the interpreter of a version; neither changes anything.

    :param command: name and arguments.
    :param executable: path of the file that runs.
    :param situation: in what it is run.
    """
    installer = recognise(command, executable, situation.variables)
    if installer is not None and installer.name in _LOCATORS:
        return _LOCATORS[installer.name](installer, situation)
    if situation.python is not None:
        return Located((WatchedPlace(situation.python),), may_change=True)
    if installer is not None:
        return Located(may_change=True, question=f"{installer.name} makes environments of its own")
    sentence = f"what {command[0]} installs to is known of pip, uv, Poetry and PDM only"
    return Located(may_change=True, question=sentence)
