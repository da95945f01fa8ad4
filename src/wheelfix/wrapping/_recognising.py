"""Which installer a command is, and which interpreter runs it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.wrapping._model import Installer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["environment_of", "is_python", "recognise"]

_PIP = re.compile(r"pip-?([0-9.]*)(?:\.pyz)?")
_PYTHON = re.compile(r"(?:python|pypy|graalpy)[0-9.]*[td]{0,2}")
_TOOLS = ("uv", "uvx", "poetry", "pdm")
_MODULES = ("pip", "uv", "poetry", "pdm")
#: CPython's options of one letter that take a value (Python/getopt.c, SHORT_OPTS)
_VALUED_LETTERS = "WX"
_FIRST_LINES = 4096


def recognise(
    command: Sequence[str], executable: str, variables: Mapping[str, str]
) -> Installer | None:
    """Tell an installer by its name.

    :param command: name and arguments.
    :param executable: path of the file that runs.
    :param variables: the process's.
    :return: None for any other program.
    """
    name = os.path.basename(executable)
    arguments = tuple(command[1:])
    if name in _TOOLS:
        return Installer(name, (executable,), arguments)
    if _PIP.fullmatch(name):
        python = _interpreter_of(executable, variables)
        return Installer("pip", (executable,), arguments, python)
    if not is_python(name):
        return None
    return _run_by_python(executable, arguments)


def is_python(name: str) -> bool:
    """Say whether a file name is an interpreter's."""
    return _PYTHON.fullmatch(name) is not None


def environment_of(executable: str) -> str | None:
    """Give the folder of the virtual environment that an executable is in (PEP 405, CPython's site.py)."""
    folder = os.path.dirname(os.path.abspath(executable))
    for each in (folder, os.path.dirname(folder)):
        if os.path.isfile(os.path.join(each, "pyvenv.cfg")):
            return each
    return None


class _Program(NamedTuple):
    """What an interpreter runs.

    :param name: of a module, or a script's file name.
    :param length: how many arguments the interpreter takes for itself and for that.
    """

    name: str
    length: int


def _run_by_python(executable: str, arguments: tuple[str, ...]) -> Installer | None:
    program = _program_of(arguments)
    if program is None:
        return None
    own, rest = arguments[: program.length], arguments[program.length :]
    name = "pip" if _PIP.fullmatch(program.name) else program.name
    if name not in _MODULES:
        return None
    return Installer(name, (executable, *own), rest, executable)


def _program_of(arguments: Sequence[str]) -> _Program | None:
    """Read an interpreter's command line: its options end with ``-m``, with ``-c``, or before a script."""
    index = 0
    while index < len(arguments):
        argument = arguments[index]
        index += 1
        if not argument.startswith("-") or argument == "-":
            return _Program(os.path.basename(argument), index)
        if argument.startswith("--"):
            index += argument == "--check-hash-based-pycs"
            continue
        for position, letter in enumerate(argument[1:], 2):
            if letter == "c":
                return None
            value = argument[position:]
            if letter == "m":
                name = value or "".join(arguments[index : index + 1])
                return _Program(name, index + (not value))
            if letter in _VALUED_LETTERS:
                index += not value
                break
    return None


def _interpreter_of(script: str, variables: Mapping[str, str]) -> str | None:
    """Find the interpreter that runs a script."""
    named = _named_interpreter(script, variables)
    if named is not None and is_python(os.path.basename(named)):
        return named
    # the shims of pyenv, asdf and others are shell scripts, and choose the same version for all names
    version = _version_of(script)
    beside = os.path.join(os.path.dirname(script), f"python{version}")
    return beside if os.access(beside, os.X_OK) else None


def _version_of(script: str) -> str:
    found = _PIP.fullmatch(os.path.basename(script))
    return "" if found is None else found[1]


def _named_interpreter(script: str, variables: Mapping[str, str]) -> str | None:
    """Read the first line, and what follows it where that is too long for the kernel or has a space in it.

    Source: distlib ``scripts.py`` (_build_shebang), which pip brings, and uv ``crates/uv-install-wheel/src/wheel.rs``
    (format_shebang): ``#!/bin/sh`` and ``'''exec' /path/to/python "$0" "$@"``.
    """
    try:
        with open(script, "rb") as stream:
            text = os.fsdecode(stream.read(_FIRST_LINES))
    except OSError:
        return None
    if not text.startswith("#!"):
        return None
    first, _, after = text[2:].partition("\n")
    words = first.split()
    if not words:
        return None
    if os.path.basename(words[0]) == "env":
        name = next((word for word in words[1:] if not word.startswith("-")), "")
        return shutil.which(name, path=variables.get("PATH"))
    second = after.partition("\n")[0]
    if not second.startswith("'''exec'"):
        return words[0]
    # a script that can be moved names the folder that it is in
    second = second.replace(
        '"$(dirname -- "$(realpath -- "$0")")"', shlex.quote(_folder_of(script))
    )
    try:
        return shlex.split(second.removeprefix("'''exec'"))[0]
    except (ValueError, IndexError):
        return None


def _folder_of(script: str) -> str:
    return os.path.dirname(os.path.realpath(script))
