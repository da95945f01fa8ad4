"""Which environment is meant where none is named."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wheelfix.targets import Target

__all__ = ["ChosenEnvironment", "choose_environment"]

#: what `uv tool install` and pipx leave in each environment that they make
_RECEIPTS = ("uv-receipt.toml", "pipx_metadata.json")
#: folders of uv's cache in which uvx and `uv run --with` make environments (uv, crates/uv-cache/src/lib.rs,
#: CacheBucket)
_UV_BUCKETS = ("archive-v", "builds-v", "environments-v")
_CACHE_MARK = "CACHEDIR.TAG"
_VARIABLES = ("UV_TOOL_DIR", "UV_CACHE_DIR", "PIPX_HOME")


class ChosenEnvironment(NamedTuple):
    """An environment that was chosen.

    :param target: its interpreter.
    :param reason: what has named it: "VIRTUAL_ENV", "./.venv" or "the running interpreter".
    """

    target: Target
    reason: str


def choose_environment(variables: Mapping[str, str], folder: str) -> ChosenEnvironment:
    """Choose that of VIRTUAL_ENV, else ``.venv``, else that of the running interpreter.

    VIRTUAL_ENV doesn't count where it names the environment that was made to run this, as ``uv run --with`` sets it.

    :param variables: the process's.
    :param folder: in which ``.venv`` is looked for.
    :raises EnvironmentRefusedError: WF614 if a tool is run in it, WF501 if its interpreter can't be asked.
    """
    named = variables.get("VIRTUAL_ENV")
    if named and not (_is_running(named) and _tool_of(os.path.realpath(named), variables)):
        _refuse_tools(named, variables)
        return ChosenEnvironment(_named_target(named), "VIRTUAL_ENV")
    beside = os.path.join(folder, ".venv")
    if os.path.isfile(os.path.join(beside, "pyvenv.cfg")):
        return ChosenEnvironment(_target_of(beside), "./.venv")
    _refuse_tools(sys.prefix, variables)
    return ChosenEnvironment(_target_of(sys.prefix), "the running interpreter")


def _is_running(prefix: str) -> bool:
    return os.path.realpath(prefix) == os.path.realpath(sys.prefix)


def _named_target(prefix: str) -> Target:
    try:
        return _target_of(prefix)
    except EnvironmentRefusedError as error:
        # who reads the message has not given the path
        findings = [
            each._replace(sentence=f"{each.sentence}; VIRTUAL_ENV names it")
            for each in error.findings
        ]
        raise EnvironmentRefusedError(findings) from error


def _target_of(prefix: str) -> Target:
    # to ask itself would take a process
    if _is_running(prefix):
        from wheelfix.targets.running import running_target

        return running_target()
    from wheelfix.targets.asking import asked_target

    return asked_target(prefix)


def _refuse_tools(prefix: str, variables: Mapping[str, str]) -> None:
    reason = _tool_of(os.path.realpath(prefix), variables)
    if reason is not None:
        finding = Finding(codes.TOOL_ENVIRONMENT, prefix, f"it was made to run a tool: {reason}")
        raise EnvironmentRefusedError([finding])


def _tool_of(prefix: str, variables: Mapping[str, str]) -> str | None:
    """Say by what an environment is known as one that uvx, uv or pipx has made for a tool."""
    for name in _RECEIPTS:
        if os.path.isfile(os.path.join(prefix, name)):
            return f"it holds {name}"
    for name in _VARIABLES:
        folder = variables.get(name)
        if folder and prefix.startswith(os.path.join(os.path.realpath(folder), "")):
            return f"it lies in {name}"
    above, part = os.path.split(prefix)
    while part:
        if part.startswith(_UV_BUCKETS) and os.path.isfile(os.path.join(above, _CACHE_MARK)):
            return f"it lies in the cache {above}"
        above, part = os.path.split(above)
    return None
