"""What real interpreters export, beside data/python_symbols.json."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.interpreters import MUSL_INTERPRETERS, glibc_interpreters
from wheelfix.elf.dynamic import read_dynamic_facts
from wheelfix.linkage._data import table
from wheelfix.linkage._python_symbols import exports

if TYPE_CHECKING:
    from support.interpreters import Interpreter, InterpreterFactory

pytestmark = pytest.mark.interpreters

FACTS = (
    "import os, sys, sysconfig as c; "
    "print(*sys.version_info[:2], int(bool(c.get_config_var('Py_GIL_DISABLED')))); "
    "print(os.path.realpath(sys.executable)); "
    "print(os.path.join(c.get_config_var('LIBDIR') or '', c.get_config_var('INSTSONAME') or ''))"
)


def exported(path: str) -> set[str]:
    with Path(path).open("rb") as stream:
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    return {name.decode() for name in read_dynamic_facts(content, path).defined}


def disagreeing(python: Interpreter) -> tuple[int, dict[str, bool]]:
    """Count what the table tells, and give what it tells wrongly."""
    version, executable, library = python.run(FACTS).splitlines()
    major, minor, is_free_threaded = map(int, version.split())
    found = exported(executable)
    if "Py_IncRef" not in found:
        found |= exported(library)
    names = {
        name for text in table("python_symbols.json")["symbols"].values() for name in text.split()
    }
    names |= {name for name in found if name.startswith(("Py", "_Py"))}
    told = {
        name: exports(name, (major, minor), free_threaded=bool(is_free_threaded)) for name in names
    }
    known = {name: answer for name, answer in told.items() if answer is not None}
    wrong = {name: answer for name, answer in known.items() if answer != (name in found)}
    return len(known), wrong


@pytest.mark.parametrize("name", [*sorted(glibc_interpreters()), *MUSL_INTERPRETERS])
def test_the_table_tells_what_an_interpreter_exports(
    name: str, interpreter: InterpreterFactory, glibc_interpreter: InterpreterFactory
) -> None:
    python = (interpreter if name.startswith("cp") else glibc_interpreter)(name)
    known, wrong = disagreeing(python)
    assert not wrong
    assert known > 2500
