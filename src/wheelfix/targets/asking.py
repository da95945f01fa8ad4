"""The door to another interpreter: it is run once, with nothing of its environment, and asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.process_groups import kill_process_group
from wheelfix.targets import _facts
from wheelfix.targets._building import build_target, is_complete

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from wheelfix.targets._target import Target

__all__ = ["ISOLATING_OPTIONS", "asked_target", "clean_environment", "find_executable"]

_OLDEST = (3, 6)
_MAX_OUTPUT = 1024 * 1024
_MAX_QUOTED = 200

# site would run .pth files; everything else that a user or a folder could slip in goes by -I
ISOLATING_OPTIONS = ("-I", "-S", "-B")

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
        _refuse(python, f"it is Python {facts['version']}; 3.6 or newer is needed")
    return build_target(facts, prefix)


def find_executable(python: str) -> str:
    """Find what ``--python`` means: a file, a virtual environment's folder, or a command on PATH.

    Source: pip's ``_internal/cli/main_parser.py`` (identify_python_interpreter), and uv for the command.

    :return: absolute path, links not resolved.
    :raises EnvironmentRefusedError: WF501.
    """
    import shutil

    path = Path(python)
    if path.is_dir():
        for name in _VIRTUAL_ENVIRONMENT_EXECUTABLES:
            if (path / name).exists():
                return os.path.abspath(path / name)
    elif path.exists():
        if not os.access(path, os.X_OK):
            _refuse(python, "the file is not executable")
        return os.path.abspath(path)
    # looks at no PATH where the name has a folder in it
    found = shutil.which(python)
    if found is not None:
        return os.path.abspath(found)
    return _refuse(python, _reason_for_absence(path))


def _reason_for_absence(path: Path) -> str:
    if path.is_dir():
        return "the folder holds no bin/python, so it is no virtual environment"
    if path.is_symlink():
        return "the link leads nowhere"
    if len(path.parts) > 1:
        return "there is no such file"
    return "there is no such file, and no such command on PATH"


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
    command = [executable, *ISOLATING_OPTIONS, "-c", _source(), arguments]
    try:
        process = subprocess.Popen(  # noqa: S603 - the user named it
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=clean_environment(os.environ),
            # a group of its own, so that what a wrapper started can be ended with it
            start_new_session=True,
        )
    except OSError as error:
        _refuse(executable, f"it can't be started: {error.strerror}")
    output = _output(process, executable, timeout)
    return _answer(executable, process.returncode, output)


def _source() -> str:
    """Give the source of the questions, also from inside a zip archive."""
    import pkgutil

    package, _, module = _facts.__name__.rpartition(".")
    source = pkgutil.get_data(package, f"{module}.py")
    assert source is not None  # noqa: S101 - the package is shipped with its sources
    return source.decode("utf-8")


def _output(process: subprocess.Popen[bytes], executable: str, timeout: float) -> bytes:
    """Read what it prints, for a limited time and up to a limited size, and see it end."""
    import subprocess
    import threading
    import time

    parts: list[bytes] = []
    deadline = time.monotonic() + timeout
    # a thread, because nothing else reads a pipe with a time limit on every system
    reader = threading.Thread(target=_read, args=(process.stdout, parts), daemon=True)
    reader.start()
    try:
        reader.join(timeout)
        if sum(map(len, parts)) >= _MAX_OUTPUT:
            _refuse(executable, f"it prints more than {_MAX_OUTPUT} bytes")
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        _refuse(executable, f"it gave no answer within {timeout:g} seconds")
    finally:
        if process.poll() is None:
            kill_process_group(process)
            process.wait()
    return b"".join(parts)


def _read(stream: IO[bytes], parts: list[bytes]) -> None:
    with stream:
        while sum(map(len, parts)) < _MAX_OUTPUT:
            part = os.read(stream.fileno(), 65536)
            if not part:
                return
            parts.append(part)


def _answer(executable: str, status: int, output: bytes) -> dict[str, Any]:
    """Take the facts out of what was printed."""
    import json

    text = output.decode("utf-8", "replace")
    if status:
        if "Unknown option: -I" in text:
            _refuse(executable, "it doesn't know the option -I, so it is Python 2; 3.6 is needed")
        how = f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"
        _refuse(executable, f"it {how}{_last_line(text)}")
    _, marker, after = text.rpartition(f"{_facts.MARKER}{chr(10)}")
    try:
        facts = json.loads(after.partition("\n")[0]) if marker else None
    except ValueError:
        facts = None
    if not isinstance(facts, dict) or not is_complete(facts):
        _refuse(executable, f"it answered as no Python does{_last_line(text)}")
    return facts


def _last_line(text: str) -> str:
    lines = text.split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f", and printed: {last[:_MAX_QUOTED]}" if last else ""


def _refuse(python: str, sentence: str) -> NoReturn:
    raise EnvironmentRefusedError([Finding(codes.CANNOT_ASK, python, sentence)])
