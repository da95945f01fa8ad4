"""Compiles extension modules for a real interpreter: with all that a loader does for them, in C and in C++."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.installs import wheelfix
from support.not_here import not_here
from support.wheel_maker import make_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.interpreters import Interpreter

__all__ = ["CODE", "Compiler", "unpacked"]

_ASKED = ("CC", "INCLUDEPY", "EXT_SUFFIX", "VERSION")
_END = """
static PyMethodDef methods[] = {{"get", get, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "m", 0, -1, methods};
PyMODINIT_FUNC PyInit_m(void) { return PyModule_Create(&module); }
"""
#: constructors, thread-local data, relocated data, exceptions, IFUNC where the libc has it
CODE = {
    "c": """#include <Python.h>
static int ready;
static __thread int counter = 41, zero;
const char *const table[] = {"one", "two"};
__attribute__((constructor)) static void begin(void) { ready = 7; }
static int five(void) { return 5; }
#ifdef __GLIBC__
static int (*choose(void))(void) { return five; }
int chosen(void) __attribute__((ifunc("choose")));
#else
int chosen(void) { return five(); }
#endif
static PyObject *get(PyObject *self, PyObject *none) {
    return Py_BuildValue("iiiis", ready, ++counter, zero, chosen(), table[1]);
}
"""
    + _END,
    "c++": """#include <Python.h>
#include <map>
#include <stdexcept>
#include <string>
namespace {
std::map<std::string, int> table{{"a", 1}, {"b", 2}};
thread_local std::string local = "local";
int thrower(int number) { if (number) throw std::runtime_error("thrown"); return number; }
}
static PyObject *get(PyObject *self, PyObject *none) {
    try { thrower(table["b"]); } catch (const std::exception &error) {
        return Py_BuildValue("ssi", error.what(), local.c_str(), table["a"]);
    }
    Py_RETURN_NONE;
}
"""
    + _END,
}


@dataclass(frozen=True)
class Compiler:
    """Compiles for one interpreter.

    :param words: the command.
    :param include: folder of Python.h.
    :param suffix: of modules.
    :param tags: of wheels.
    """

    python: Interpreter
    words: tuple[str, ...]
    include: str
    suffix: str
    tags: str

    @classmethod
    def of(cls, python: Interpreter) -> Compiler:
        """Ask the interpreter; skips the test where its compiler isn't there."""
        code = f"import json, sysconfig as s; print(json.dumps([s.get_config_var(x) for x in {_ASKED}]))"
        compiler, include, suffix, version = json.loads(python.run(code))
        words = tuple(compiler.split())
        if shutil.which(words[0]) is None or not Path(include, "Python.h").is_file():
            not_here(f"no compiler for {python.name}")
        tag = f"cp{version.replace('.', '').rstrip('t')}"
        platform = "musllinux_1_2" if python.libc == "musl" else "linux"
        abi = f"{tag}t" if "t-" in suffix else tag
        return cls(python, words, include, suffix, f"{tag}-{abi}-{platform}_{os.uname().machine}")

    def compile(self, folder: Path, *flags: str, code: str = CODE["c"], name: str = "m.so") -> Path:
        """Compile a source in its folder, of which debug sections tell; what is C++ says so by ``-xc++``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "m.c").write_text(code)
        words = ["g++"] if "-xc++" in flags else self.words
        command = [*words, "-O1", "-fPIC", "-I", self.include, *flags, "m.c", "-o", name]
        run = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return folder / name

    def module(self, folder: Path, *flags: str, language: str = "c") -> Path:
        """Compile the module in one of the languages."""
        kind = ["-xc++"] if language == "c++" else []
        return self.compile(folder, "-shared", *kind, *flags, code=CODE[language])

    def wheel(self, folder: Path, module: Path, files: Mapping[str, bytes] | None = None) -> Path:
        """Pack the module into a wheel."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {f"pkg/m{self.suffix}": module.read_bytes(), **(files or {})}
        return make_wheel(folder, {"pkg/__init__.py": "", **content}, tags=self.tags)

    def repaired(self, wheel: Path, *options: str, **process: Any) -> tuple[Path, str]:
        """Repair a wheel for the interpreter.

        :return: the new wheel, and what was said.
        """
        new = wheel.parent / "repaired"
        where = ("--python", self.python.executable)
        done = wheelfix("repair", wheel, "-w", new, *where, *options, **process)
        assert done.returncode == 0, done.stderr
        return new / wheel.name, done.stderr

    def answer(self, folder: Path) -> str:
        """Import the module from an unpacked wheel and call it."""
        return self.python.run("from pkg import m; print(m.get())", path=[folder])


def unpacked(wheel: Path, folder: Path) -> Path:
    """Unpack a wheel into a new folder, without the modes of its files."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder
