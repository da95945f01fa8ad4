"""Where pip installs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wheelfix.wrapping._model import Located, WatchedPlace
from wheelfix.wrapping._options import is_true, scan
from wheelfix.wrapping._pip_settings import pip_settings
from wheelfix.wrapping._recognising import environment_of

if TYPE_CHECKING:
    from wheelfix.wrapping._model import Installer, Situation
    from wheelfix.wrapping._options import Scanned

__all__ = ["locate_pip"]

#: pip ``_internal/cli/cmdoptions.py``: what stands before the command's name, what names a place, and all letters
_VALUED = {
    **{
        name: name
        for name in (
            *("--cache-dir", "--cert", "--client-cert", "--exists-action", "--keyring-provider"),
            *("--log", "--log-file", "--prefix", "--proxy", "--python", "--resume-retries"),
            *("--retries", "--root", "--target", "--timeout", "--trusted-host"),
            *("--use-deprecated", "--use-feature"),
        )
    },
    "-t": "--target",
    **{letter: letter for letter in ("-C", "-c", "-e", "-f", "-i", "-r")},
    # optparse takes the beginning of a name where no other one begins so
    **dict.fromkeys(("--ta", "--tar", "--targ", "--targe"), "--target"),
    **dict.fromkeys(("--py", "--pyt", "--pyth", "--pytho"), "--python"),
    "--prefi": "--prefix",
}


def locate_pip(installer: Installer, situation: Situation) -> Located:
    """Find the places by options, PIP_* variables and pip's configuration files."""
    scanned = scan(installer.arguments, _VALUED)
    if scanned.command != "install":
        return Located()
    python = _python(installer, scanned, situation)
    if python is None:
        sentence = f"{installer.call[0]} doesn't say which interpreter runs it"
        return Located(may_change=True, question=sentence)
    wanted = _Wanted(scanned, situation, _prefix_of(python))
    if wanted.has("dry-run"):
        return Located()
    return Located(tuple(_places(python, wanted)), may_change=True)


class _Wanted:
    """What pip is told: by option, else by variable, else by file."""

    def __init__(self, scanned: Scanned, situation: Situation, prefix: str | None) -> None:
        self._scanned = scanned
        self._situation = situation
        self._is_isolated = scanned.has("--isolated")
        self._settings = pip_settings(situation.variables, prefix, is_isolated=self._is_isolated)

    def folder(self, name: str) -> str | None:
        """Give a path, absolute; None if none is named."""
        value = self._scanned.values.get(f"--{name}") or self._setting(name)
        return None if value is None else os.path.join(self._situation.folder, value)

    def has(self, name: str) -> bool:
        """Say whether something is switched on."""
        return self._scanned.has(f"--{name}") or is_true(self._setting(name))

    def _setting(self, name: str) -> str | None:
        variable = f"PIP_{name.replace('-', '_').upper()}"
        # --isolated comes too late for the option of which interpreter it is to be
        is_read = not self._is_isolated or name == "python"
        own = self._situation.variables.get(variable) if is_read else None
        return own or self._settings.get(name)


def _python(installer: Installer, scanned: Scanned, situation: Situation) -> str | None:
    if situation.python is not None:
        return situation.python
    prefix = None if installer.python is None else _prefix_of(installer.python)
    # a file or an environment's folder; pip looks at no PATH (_internal/cli/main_parser.py)
    return _Wanted(scanned, situation, prefix).folder("python") or installer.python


def _prefix_of(python: str) -> str:
    if os.path.isdir(python):
        return python
    return environment_of(python) or os.path.dirname(os.path.dirname(os.path.realpath(python)))


def _places(python: str, wanted: _Wanted) -> list[WatchedPlace]:
    target, prefix, root = (wanted.folder(name) for name in ("target", "prefix", "root"))
    if target is not None:
        # what --root says doesn't count then (_internal/commands/install.py)
        return [WatchedPlace(python, site=target)]
    own = WatchedPlace(python, prefix=prefix, destdir=root)
    user = WatchedPlace(python, is_user=True, destdir=root)
    if wanted.has("user"):
        return [user]
    # without a word, what may not be written to the interpreter's folder goes to the user's
    is_virtual = os.path.isdir(python) or environment_of(python) is not None
    return [own] if prefix is not None or is_virtual else [own, user]
