"""The musl interpreters that the other tests run are what they are meant to stand for."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.interpreters import CANNOT, MUSL_INTERPRETERS, SCRIPT

if TYPE_CHECKING:
    from pathlib import Path

    from support.interpreters import InterpreterFactory

pytestmark = pytest.mark.interpreters

# name: version, SOABI, what _imp.extension_suffixes() gives, in order
EXPECTED = {
    "cp39-gnu": (
        "3.9.2",
        "cpython-39-x86_64-linux-gnu",
        [".cpython-39-x86_64-linux-gnu.so", ".abi3.so", ".so"],
    ),
    "cp39-musl": (
        "3.9.2",
        "cpython-39-x86_64-linux-musl",
        [".cpython-39-x86_64-linux-musl.so", ".abi3.so", ".so"],
    ),
    "cp39-musl-fallback": (
        "3.9.2",
        "cpython-39-x86_64-linux-musl",
        [
            ".cpython-39-x86_64-linux-musl.so",
            ".cpython-39-x86_64-linux-gnu.so",
            ".abi3.so",
            ".so",
        ],
    ),
    "cp311-musl": (
        "3.11.2",
        "cpython-311-x86_64-linux-musl",
        [".cpython-311-x86_64-linux-musl.so", ".abi3.so", ".so"],
    ),
    "cp311-gnu": (
        "3.11.2",
        "cpython-311-x86_64-linux-gnu",
        [".cpython-311-x86_64-linux-gnu.so", ".abi3.so", ".so"],
    ),
    "cp313t-musl": (
        "3.13.5",
        "cpython-313t-x86_64-linux-musl",
        [".cpython-313t-x86_64-linux-musl.so", ".abi3.so", ".so"],
    ),
}

ASK = """
import json, sys, sysconfig, _imp
get = sysconfig.get_config_var
print(json.dumps({
    "version": "%d.%d.%d" % sys.version_info[:3],
    "soabi": get("SOABI"),
    "ext_suffix": get("EXT_SUFFIX"),
    "suffixes": _imp.extension_suffixes(),
    "prefix": sys.prefix,
}))
"""


def test_every_interpreter_is_in_the_table() -> None:
    assert set(EXPECTED) == set(MUSL_INTERPRETERS)


@pytest.mark.parametrize("name", MUSL_INTERPRETERS)
class TestMuslInterpreter:
    def test_version_and_suffixes(self, name: str, interpreter: InterpreterFactory) -> None:
        python = interpreter(name)
        version, soabi, suffixes = EXPECTED[name]
        assert json.loads(python.run(ASK)) == {
            "version": version,
            "soabi": soabi,
            "ext_suffix": f".{soabi}.so",
            "suffixes": suffixes,
            "prefix": str(python.executable.parent.parent),
        }

    def test_modules_with_libraries_work(self, name: str, interpreter: InterpreterFactory) -> None:
        code = """
import bz2, ctypes, hashlib, zlib
print(zlib.decompress(zlib.compress(b"zlib")), bz2.decompress(bz2.compress(b"bz2")))
print(ctypes.CDLL(None).strlen(b"ctypes"), hashlib.sha256().hexdigest()[:8])
"""
        assert interpreter(name).run(code) == "b'zlib' b'bz2'\n6 e3b0c442"

    def test_runs_on_musl_alone(self, name: str, interpreter: InterpreterFactory) -> None:
        code = """
import ctypes, zlib
maps = open("/proc/self/maps").read()
print("/ld-musl-x86_64.so.1" in maps, "libc.so.6" in maps)
"""
        assert interpreter(name).run(code) == "True False"

    def test_moves_elsewhere(
        self, name: str, interpreter: InterpreterFactory, tmp_path: Path
    ) -> None:
        python = interpreter(name)
        moved = tmp_path / "moved"
        shutil.copytree(python.executable.parent.parent, moved, symlinks=True)
        copy = dataclasses.replace(python, executable=moved / "bin" / "python3")
        assert copy.run("import ctypes, sys; print(sys.prefix)") == str(moved)


def test_standard_library_that_wheels_need(interpreter: InterpreterFactory) -> None:
    code = "import asyncio, decimal, socket, uuid, venv; print(decimal.Decimal(1) / 8)"
    assert interpreter("cp39-musl").run(code) == "0.125"


def test_the_script_says_why_it_cannot_build(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("bash", "cat", "nproc", "realpath", "uname"):
        found = shutil.which(program)
        assert found
        (programs / program).symlink_to(found)
    cache = tmp_path / "cache"
    environment = {"PATH": str(programs), "WHEELFIX_TEST_CACHE": str(cache)}
    run = subprocess.run(
        [programs / "bash", SCRIPT, "cp39-musl"],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert run.returncode == CANNOT
    assert run.stdout == ""
    assert run.stderr.startswith("this is not ")
    assert run.stderr.count("\n") == 1
    assert not cache.exists()


def test_the_script_knows_its_names() -> None:
    command = ["bash", str(SCRIPT)]
    listed = subprocess.run([*command, "--list"], check=True, capture_output=True, text=True)
    assert set(MUSL_INTERPRETERS) <= set(listed.stdout.split())
    unknown = subprocess.run([*command, "cp27"], check=False, capture_output=True, text=True)
    assert unknown.returncode == 2
    assert "no interpreter is called cp27" in unknown.stderr
