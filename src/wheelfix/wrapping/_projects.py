"""Where Poetry and PDM install."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wheelfix.wrapping._asking import ask
from wheelfix.wrapping._model import Located, WatchedPlace
from wheelfix.wrapping._options import is_true, scan
from wheelfix.wrapping._recognising import environment_of
from wheelfix.wrapping._uv_settings import ancestors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wheelfix.wrapping._model import Installer, Situation
    from wheelfix.wrapping._options import Scanned

__all__ = ["locate_pdm", "locate_poetry"]

_POETRY_VALUED = {
    **{name: name for name in ("--directory", "--project", "-E", "-G")},
    "-C": "--directory",
    "-P": "--project",
}
_PDM_VALUED = {
    **{name: name for name in ("--config", "--lockfile", "--project", "--venv", "-G", "-d", "-e")},
    "-L": "--lockfile",
    "-c": "--config",
    "-p": "--project",
}
_INSTALLING = ("add", "install", "remove", "run", "sync", "update")
#: what `poetry env list` puts behind the one in use
_ACTIVATED = " (Activated)"
#: commands that install into the tool's own environment
_OWN = ("plugin", "self")


def locate_poetry(installer: Installer, situation: Situation) -> Located:
    """Ask Poetry for the project's environments.

    Which of them it takes, it tells with certainty only when it is at work (``EnvManager.get`` and
    ``EnvManager.create_venv``).
    """
    scanned = scan(installer.arguments, _POETRY_VALUED)
    known = _known(installer, scanned, situation, ("--dry-run", "--lock"))
    if known is not None:
        return known
    given = [
        f"{name}={scanned.values[name]}"
        for name in ("--directory", "--project")
        if scanned.has(name)
    ]
    question = [*installer.call, *given, "--no-interaction", "env", "list", "--full-path"]
    found = ask(question, situation.variables, situation.folder)
    environments = [each.removesuffix(_ACTIVATED) for each in found]
    active = _active(situation)
    if active is not None and active not in environments:
        environments.append(active)
    return _uncertain(map(WatchedPlace, environments))


def locate_pdm(installer: Installer, situation: Situation) -> Located:
    """Find what PDM has noted down in the project's folder, else what it would choose.

    PDM isn't asked: `pdm info` makes an environment where there is none (``Project.resolve_interpreter``).
    """
    scanned = scan(installer.arguments, _PDM_VALUED)
    known = _known(installer, scanned, situation, ("--dry-run", "--check", "--no-sync"))
    if known is not None:
        return known
    if scanned.has("--global", "-g", "--venv"):
        sentence = "with --global or --venv, PDM chooses the environment by its own settings"
        return Located(may_change=True, question=sentence)
    return _uncertain(_pdm_places(scanned, situation))


def _known(
    installer: Installer, scanned: Scanned, situation: Situation, harmless: tuple[str, ...]
) -> Located | None:
    """Settle what needs no look at a project."""
    command = scanned.command
    if command in _OWN and situation.python is None:
        sentence = f"`{installer.name} {command}` changes {installer.name}'s own environment"
        return Located(may_change=True, question=sentence)
    if command not in (*_INSTALLING, *_OWN):
        return Located()
    # what follows `run` are the options of another command
    if command != "run" and scanned.has(*harmless):
        return Located()
    if situation.python is not None:
        return Located((WatchedPlace(situation.python),), may_change=True)
    return None


def _uncertain(places: Iterable[WatchedPlace]) -> Located:
    return Located(tuple(places), may_change=True, is_certain=False)


def _active(situation: Situation) -> str | None:
    variables = situation.variables
    return variables.get("VIRTUAL_ENV") or variables.get("CONDA_PREFIX") or None


def _pdm_places(scanned: Scanned, situation: Situation) -> Iterator[WatchedPlace]:
    variables = situation.variables
    project = _pdm_project(scanned, situation)
    saved = None
    if not is_true(variables.get("PDM_IGNORE_SAVED_PYTHON")):
        saved = _text_of(os.path.join(project, ".pdm-python"))
    if saved:
        environment = environment_of(saved)
        if environment is not None:
            yield WatchedPlace(environment)
            return
        # PEP 582: one folder for everything, as `pip --target`
        for version in _entries(os.path.join(project, "__pypackages__")):
            yield WatchedPlace(saved, site=os.path.join(project, "__pypackages__", version, "lib"))
        return
    active = _active(situation)
    if active is not None and not is_true(variables.get("PDM_IGNORE_ACTIVE_VENV")):
        yield WatchedPlace(active)
    yield WatchedPlace(os.path.join(project, ".venv"))


def _pdm_project(scanned: Scanned, situation: Situation) -> str:
    named = scanned.values.get("--project") or situation.variables.get("PDM_PROJECT")
    if named:
        return os.path.abspath(os.path.join(situation.folder, named))
    for folder in ancestors(situation.folder):
        if os.path.isfile(os.path.join(folder, "pyproject.toml")):
            return folder
    return situation.folder


def _text_of(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read().strip()
    except (OSError, UnicodeDecodeError):
        return None


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
