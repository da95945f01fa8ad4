"""The door to another interpreter: it is run once, with nothing of its environment, and asked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NoReturn

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.targets import _facts
from wheelfix.targets._building import build_target

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from wheelfix.targets._target import Target

__all__ = ["asked_target", "clean_environment", "find_executable"]

_OLDEST = (3, 6)
_MAX_OUTPUT = 1024 * 1024

# site would run .pth files; everything else that a user or a folder could slip in goes by -I
_OPTIONS = ("-I", "-S", "-B")

# cross builds export _PYTHON_*, which -I lets through; __PYVENV_LAUNCHER__ is macOS' framework launcher's
_PREFIXES_OF_VARIABLES = ("PYTHON", "_PYTHON_", "_CONDA_PYTHON_", "__PYVENV_LAUNCHER__")

_VIRTUAL_ENVIRONMENT_EXECUTABLES = ("bin/python", "bin/python3", "Scripts/python.exe")


def asked_target(
    python: str, scheme: str | None = None, prefix: str | None = None, timeout: float = 30.0
) -> Target:
    """Describe another interpreter by running it; nothing needs to be installed there.

    No code runs in it but its own standard library: not site, no .pth file, no sitecustomize. The current folder
    stays what it is, because the shims of pyenv and others choose by it.

    :param python: an executable, a virtual environment's folder, or a command on PATH.
    :param scheme: name of the sysconfig scheme for the paths; None for the default one.
    :param prefix: folder that takes the place of base and platbase, see
        :func:`wheelfix.targets.running.running_target`.
    :param timeout: seconds until it is given up.
    :raises EnvironmentRefusedError: if it can't be asked (WF501), describes another one (WF502), or has no such
        scheme (WF507).
    """
    facts = _ask(find_executable(python), scheme, prefix, timeout)
    version = facts["version"].split(".")
    if (int(version[0]), int(version[1])) < _OLDEST:
        _refuse(python, f"it is Python {facts['version']}; 3.6 or newer is needed.")
    return build_target(facts, prefix)


def find_executable(python: str) -> str:
    """Find what ``--python`` means: a file, a virtual environment's folder, or a command on PATH.

    Source: pip's ``_internal/cli/main_parser.py`` (identify_python_interpreter), and uv for the command.

    :return: absolute path, links not resolved.
    :raises EnvironmentRefusedError: WF501.
    """
    import shutil

    if os.path.isdir(python):
        for name in _VIRTUAL_ENVIRONMENT_EXECUTABLES:
            path = os.path.join(python, name)
            if os.path.exists(path):
                return os.path.abspath(path)
    elif os.path.exists(python):
        if not os.access(python, os.X_OK):
            _refuse(python, "the file is not executable.")
        return os.path.abspath(python)
    # with a folder in it, this looks at no PATH
    found = shutil.which(python)
    if found is not None:
        return os.path.abspath(found)
    if os.path.isdir(python):
        _refuse(python, "the folder holds no bin/python, so it is no virtual environment.")
    if os.path.lexists(python):
        _refuse(python, "the link leads nowhere.")
    where = (
        "no such file" if os.path.dirname(python) else "no such file, and no such command on PATH"
    )
    return _refuse(python, f"there is {where}.")


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out all variables that change what a Python interpreter is or runs."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_PREFIXES_OF_VARIABLES)
    }


def _ask(executable: str, scheme: str | None, prefix: str | None, timeout: float) -> dict[str, Any]:
    import json
    import subprocess

    arguments = json.dumps([scheme, prefix])
    command = [executable, *_OPTIONS, "-c", _source(), arguments]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=clean_environment(os.environ),
            # a group of its own, so that what a wrapper started can be ended with it
            start_new_session=True,
        )
    except OSError as error:
        _refuse(executable, f"it can't be started: {error.strerror}.")
    with process:
        output = _output(process, executable, timeout)
    return _answer(executable, process.returncode, output)


def _source() -> str:
    """Give the source of the questions, also from inside a zip archive."""
    from importlib.util import find_spec

    spec = find_spec(_facts.__name__)
    source: str | None = spec.loader.get_source(spec.name)  # type: ignore[union-attr, attr-defined]
    assert source is not None  # noqa: S101 - this package is never shipped without its sources
    return source


def _output(process: subprocess.Popen[bytes], executable: str, timeout: float) -> bytes:
    """Read what it prints until it closes its output, for a limited time and up to a limited size."""
    import threading

    stream = process.stdout
    assert stream is not None  # noqa: S101 - it is a pipe
    parts: list[bytes] = []
    reader = threading.Thread(target=lambda: parts.append(stream.read(_MAX_OUTPUT)), daemon=True)
    reader.start()
    try:
        reader.join(timeout)
        is_late = reader.is_alive()
    finally:
        ...
    return parts[0]


def _answer(executable: str, status: int, output: bytes) -> dict[str, Any]:
    raise NotImplementedError


def _refuse(python: str, sentence: str) -> NoReturn:
    raise EnvironmentRefusedError([Finding(codes.CANNOT_ASK, python, sentence)])
