"""Where uv installs.

Source: uv's documentation ("Using Python environments", "Projects: Configuring") and
``crates/uv-python/src/discovery.rs`` and ``virtualenv.rs``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wheelfix.wrapping._asking import ask
from wheelfix.wrapping._model import Located, WatchedPlace
from wheelfix.wrapping._options import is_true, scan
from wheelfix.wrapping._recognising import environment_of
from wheelfix.wrapping._uv_settings import ancestors, uv_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wheelfix.wrapping._model import Installer, Situation
    from wheelfix.wrapping._options import Scanned

__all__ = ["locate_uv"]

_VALUED = {
    **{
        name: name
        for name in (
            *("--allow-insecure-host", "--cache-dir", "--color", "--config-file", "--directory"),
            *("--prefix", "--project", "--python", "--script", "--target"),
        )
    },
    "-p": "--python",
    "-t": "--target",
    **{letter: letter for letter in ("-C", "-P", "-b", "-c", "-e", "-f", "-i", "-m", "-r")},
}
_PROJECT_COMMANDS = ("add", "remove", "sync", "version")
#: options that count where uv is asked for an interpreter, too
_HANDED_ON = ("--managed-python", "--no-config", "--no-managed-python")
#: they install nothing, or only what was made a moment before from pure-Python wheels
_HARMLESS = frozenset(
    {
        *("audit", "auth", "build", "cache", "export", "format", "generate-shell-completion"),
        *("help", "init", "lock", "publish", "python", "self", "tree", "venv", "workspace"),
    }
)


def locate_uv(installer: Installer, situation: Situation) -> Located:
    """Find the places by options, variables and folders; for a version or ``--system``, uv is asked."""
    scanned = scan(installer.arguments, _VALUED)
    command = scanned.command
    if command is None or command in _HARMLESS:
        return Located()
    situation = _in_its_folder(scanned, situation)
    if command == "pip":
        if scanned.words[1:2] not in (("install",), ("sync",)) or scanned.has("--dry-run"):
            return Located()
        places = dict.fromkeys(_pip_places(installer, scanned, situation))
        return Located(tuple(places), may_change=True)
    if situation.python is not None:
        return Located((WatchedPlace(situation.python),), may_change=True)
    if command == "tool" and scanned.words[1:2] != ("run",):
        return _locate_tools(installer, scanned, situation)
    if command not in _PROJECT_COMMANDS:
        return Located(may_change=True, question=_question(command))
    if scanned.has("--dry-run", "--no-sync") or is_true(situation.variables.get("UV_NO_SYNC")):
        return Located()
    if scanned.has("--script"):
        if command != "sync":
            return Located()
        # in its cache, where it makes one if there is none; before, another interpreter is its answer
        question = ["python", "find", "--no-python-downloads", "--script"]
        found = _ask(installer, scanned, [*question, scanned.values["--script"]], situation)
        return Located(tuple(map(WatchedPlace, found)), may_change=True, is_certain=False)
    places = dict.fromkeys(_project_places(scanned, situation))
    return Located(tuple(places), may_change=True)


def _question(command: str) -> str:
    if command == "run":
        return (
            "`uv run` starts the program before anything can be mended: "
            "use `wheelfix run -- uv sync`, then `uv run --no-sync`"
        )
    return f"`uv {command}` makes environments of its own"


def _in_its_folder(scanned: Scanned, situation: Situation) -> Situation:
    variables = situation.variables
    named = scanned.values.get("--directory") or variables.get("UV_WORKING_DIR")
    named = named or variables.get("UV_WORKING_DIRECTORY") or ""
    return situation._replace(folder=os.path.abspath(os.path.join(situation.folder, named)))


def _locate_tools(installer: Installer, scanned: Scanned, situation: Situation) -> Located:
    """Find the environments of the tools that are there; each has its own, and `uv tool install` makes one."""
    if scanned.words[1:2] not in (("install",), ("upgrade",)):
        return Located()
    places = [
        WatchedPlace(environment.path)
        for folder in _ask(installer, scanned, ["tool", "dir"], situation)
        if os.path.isdir(folder)
        for environment in sorted(os.scandir(folder), key=lambda entry: entry.name)
        if os.path.isfile(os.path.join(environment, "pyvenv.cfg"))
    ]
    return Located(tuple(places), may_change=True, is_certain=False)


def _pip_places(
    installer: Installer, scanned: Scanned, situation: Situation
) -> Iterator[WatchedPlace]:
    """Give the place that is named by options and variables, and those that configuration files name besides."""
    for settings in ({}, *filter(None, uv_settings(scanned, situation))):
        site, prefix = (
            os.path.join(situation.folder, scanned.values[name])
            if scanned.values.get(name)
            else settings.get(name.lstrip("-"))
            for name in ("--target", "--prefix")
        )
        python = _pip_python(installer, scanned, situation, settings)
        if python is None and (site or prefix):
            # for that it takes any interpreter
            python = _found(installer, scanned, [], situation)
        if python is not None:
            yield WatchedPlace(python, site=site, prefix=None if site else prefix)


def _pip_python(
    installer: Installer, scanned: Scanned, situation: Situation, settings: Mapping[str, str]
) -> str | None:
    """Find what ``uv pip`` takes for the environment."""
    if situation.python is not None:
        return situation.python
    variables, folder = situation.variables, situation.folder
    is_system = scanned.has("--system") or (
        (is_true(variables.get("UV_SYSTEM_PYTHON")) or is_true(settings.get("system")))
        and not scanned.has("--no-system")
    )
    system = ["--system"] if is_system else []
    named = scanned.values.get("--python") or variables.get("UV_PYTHON") or settings.get("python")
    if named:
        path = os.path.join(folder, named)
        if os.sep in named or os.path.exists(path):
            return path
        return _found(installer, scanned, [*system, named], situation)
    if is_system:
        return _found(installer, scanned, system, situation)
    return _active_environment(installer, situation) or _environment_above(folder)


def _found(
    installer: Installer, scanned: Scanned, arguments: list[str], situation: Situation
) -> str | None:
    question = ["python", "find", "--no-project", "--no-python-downloads", *arguments]
    answer = _ask(installer, scanned, question, situation)
    return answer[0] if answer else None


def _ask(
    installer: Installer, scanned: Scanned, question: list[str], situation: Situation
) -> list[str]:
    handed_on = [name for name in _HANDED_ON if scanned.has(name)]
    command = [*installer.call, *question, *handed_on]
    return ask(command, situation.variables, situation.folder)


def _active_environment(installer: Installer, situation: Situation) -> str | None:
    variables = situation.variables
    if variables.get("VIRTUAL_ENV"):
        return os.path.join(situation.folder, variables["VIRTUAL_ENV"])
    if installer.python is not None:
        # python/uv/__main__.py: as `python -m uv`, it tells the program where it is run from
        return environment_of(installer.python) or installer.python
    if variables.get("CONDA_PREFIX") and variables.get("CONDA_DEFAULT_ENV") not in ("base", "root"):
        return variables["CONDA_PREFIX"]
    return None


def _environment_above(folder: str) -> str | None:
    for each in ancestors(folder):
        for environment in (each, _redirected(os.path.join(each, ".venv"))):
            if os.path.isfile(os.path.join(environment, "pyvenv.cfg")):
                return environment
    return None


def _project_places(scanned: Scanned, situation: Situation) -> Iterator[WatchedPlace]:
    """Give the project's environment; which of the projects above is the workspace, only uv knows."""
    variables = situation.variables
    active = variables.get("VIRTUAL_ENV")
    if scanned.has("--active") and active:
        yield WatchedPlace(os.path.join(situation.folder, active))
        return
    named = scanned.values.get("--project") or variables.get("UV_PROJECT") or ""
    environment = variables.get("UV_PROJECT_ENVIRONMENT") or ".venv"
    for folder in ancestors(os.path.abspath(os.path.join(situation.folder, named))):
        if os.path.isfile(os.path.join(folder, "pyproject.toml")):
            yield WatchedPlace(_redirected(os.path.join(folder, environment)))


def _redirected(path: str) -> str:
    """Follow a file that names the environment's folder (PEP 832, a preview feature of uv)."""
    try:
        with open(path, encoding="utf-8") as stream:
            return os.path.join(os.path.dirname(path), stream.readline().strip())
    except (OSError, UnicodeDecodeError):
        return path
