"""What is known of an installer's command before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Installer", "Located", "Situation", "WatchedPlace"]


class Situation(NamedTuple):
    """In what a command is run.

    :param variables: the process's.
    :param folder: the current one, absolute.
    :param python: interpreter or environment that the user has named; None for none.
    """

    variables: Mapping[str, str]
    folder: str
    python: str | None = None


class Installer(NamedTuple):
    """A command that is known to install.

    :param name: "pip", "uv", "poetry" or "pdm".
    :param call: how it was started, without its own arguments.
    :param arguments: its own arguments.
    :param python: the interpreter that runs it, where that is known; pip installs for this one.
    """

    name: str
    call: tuple[str, ...]
    arguments: tuple[str, ...]
    python: str | None = None


class WatchedPlace(NamedTuple):
    """Where a command may install something: by default the interpreter's own folders.

    :param python: interpreter that imports from there: an executable, or an environment's folder, which the command
        may make.
    :param site: the one folder that everything goes to.
    :param prefix: folder with an installation scheme below it.
    :param is_user: whether it is the user's site folder.
    :param destdir: folder that stands for the root; None for the real one.
    """

    python: str
    site: str | None = None
    prefix: str | None = None
    is_user: bool = False
    destdir: str | None = None


class Located(NamedTuple):
    """What is known of where a command installs.

    :param places: without any, nothing is looked at.
    :param may_change: whether the command is one that installs.
    :param is_certain: whether the places are the same after the command, which may make an environment.
    :param question: why the user has to name the environment; None if it need not be named.
    """

    places: tuple[WatchedPlace, ...] = ()
    may_change: bool = False
    is_certain: bool = True
    question: str | None = None
