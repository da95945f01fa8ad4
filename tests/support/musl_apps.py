"""Virtual environments of a real musl interpreter into which real installers put a wheel that it doesn't import."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from support.containers import PIP
from support.installs import wheelfix
from support.interpreters import Interpreter
from support.not_here import not_here
from support.trees import names, tree
from support.uv import UvError, uv_executable
from support.wheels import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["GNU", "MODULES", "MUSL", "PSYCOPG_BINARY", "RENAMED", "MuslApp", "found_modules", "uv"]

#: the wheel of pip issue 10678
PSYCOPG_BINARY = "psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl"
#: the wheel's, and what cp39-musl looks for
GNU, MUSL = ".cpython-39-x86_64-linux-gnu.so", ".cpython-39-x86_64-linux-musl.so"
MODULES = ("psycopg_binary/_psycopg", "psycopg_binary/pq")
RENAMED = [
    {"action": "rename", "from": f"{module}{GNU}", "to": f"{module}{MUSL}"} for module in MODULES
]
# the package wants psycopg to be there, and asks for it when it is imported
_STANDS_IN = """
import sys, types
psycopg = sys.modules["psycopg"] = types.ModuleType("psycopg")
import importlib.util
import psycopg_binary
for name in ("_psycopg", "pq"):
    spec = importlib.util.find_spec(f"psycopg_binary.{name}")
    module = importlib.util.module_from_spec(spec) if spec else None
    print(name, spec and spec.origin.rpartition("/")[2])
"""


def uv() -> Path:
    """Give uv, or skip."""
    try:
        return uv_executable()
    except UvError as error:
        not_here(f"uv can't be had: {error}")


def found_modules(python: Interpreter) -> dict[str, str]:
    """Give the file that each module comes from, loaded by the loader; "None" where no finder sees it."""
    return dict(line.split(" ", 1) for line in python.run(_STANDS_IN).splitlines())


class MuslApp:
    """A virtual environment of a musl interpreter, without an installer of its own.

    :param folder: of the environment.
    :param home: a folder for what tools keep.
    :param base: the interpreter.
    """

    def __init__(self, folder: Path, home: Path, base: Interpreter) -> None:
        self.folder = folder
        self.home = home
        self.cache = home / "cache"
        home.mkdir(exist_ok=True)
        self._base = base
        self.make()

    def make(self) -> None:
        """Make it, or make it anew."""
        self.run(self._base.executable, "-m", "venv", "--clear", "--without-pip", self.folder)
        self.python = Interpreter("app", self.folder / "bin/python", "musl")
        (self.site,) = self.folder.glob("lib/python3.*/site-packages")

    def run(self, *command: str | Path) -> str:
        """Run a tool, with nothing of the caller's environment; give what it prints."""
        run = subprocess.run(
            [str(each) for each in command],
            check=False,
            capture_output=True,
            text=True,
            env=self.variables,
            timeout=300,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    @property
    def variables(self) -> Mapping[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "UV_CACHE_DIR": str(self.cache),
            "UV_NO_CONFIG": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def install_by_pip(self, wheel: Path) -> None:
        self.run(*self._pip, "install", "--no-deps", "--no-index", wheel)

    def install_by_uv(self, wheel: Path, link_mode: str) -> None:
        options = ("--no-deps", "--no-index", "--link-mode", link_mode)
        self.run(uv(), "pip", "install", "--python", self.python.executable, *options, wheel)

    def uninstall(self, name: str, *, by: str) -> None:
        if by == "pip":
            self.run(*self._pip, "uninstall", "-y", name)
        else:
            self.run(uv(), "pip", "uninstall", "--python", self.python.executable, name)

    @property
    def _pip(self) -> tuple[str | Path, ...]:
        # not this Python's pip: it need not run on an old one
        return (self.python.executable, fetch(PIP) / "pip")

    def fix(self, *arguments: str) -> dict[str, Any]:
        done = wheelfix("fix", "--python", self.python.executable, "--report", "-", *arguments)
        assert done.returncode == 0, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def verify(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Give exit status and report."""
        options = ("--python", self.python.executable, "--format", "json")
        done = wheelfix("verify", *options, *arguments)
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)

    @property
    def found(self) -> dict[str, str]:
        return found_modules(self.python)

    @property
    def is_mended(self) -> bool:
        return self.found == {"_psycopg": f"_psycopg{MUSL}", "pq": f"pq{MUSL}"}

    @property
    def left(self) -> set[str]:
        """What lies in the site folder, but for what virtualenv puts there."""
        return {path for path in names(tree(self.site)) if not path.startswith("_virtualenv")}
