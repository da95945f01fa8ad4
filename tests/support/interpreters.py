"""Real interpreters: the musl ones that a script builds, and the machine's own."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "CANNOT",
    "MUSL_INTERPRETERS",
    "SCRIPT",
    "BuildError",
    "CannotBuildError",
    "Interpreter",
    "InterpreterFactory",
    "glibc_interpreters",
    "musl_interpreter",
]

SCRIPT = Path(__file__).parent.parent / "musl_interpreters.sh"
# The script's exit status where this machine can't build them.
CANNOT = 77

# What the tests use; the script knows others.
MUSL_INTERPRETERS = (
    "cp39-gnu",
    "cp39-musl",
    "cp39-musl-fallback",
    "cp311-musl",
    "cp311-gnu",
    "cp313t-musl",
)


class CannotBuildError(Exception):
    """This machine can't build musl interpreters; the text says why."""


class BuildError(Exception):
    """A build that should have worked failed."""


@dataclass(frozen=True)
class Interpreter:
    """A real interpreter to run.

    :param name: as the tests call it.
    :param executable: its path.
    :param libc: "glibc" or "musl".
    """

    name: str
    executable: Path
    libc: str

    def process(
        self,
        *arguments: str | Path,
        path: Iterable[str | Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run it with these arguments, whatever its exit status, in an environment without PYTHON*.

        :param path: PYTHONPATH.
        :param environment: further variables.
        """
        variables = {
            name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
        }
        variables.update({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"})
        variables["PYTHONPATH"] = os.pathsep.join(map(str, path))
        variables.update(environment or {})
        command = [str(self.executable), *map(str, arguments)]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, env=variables, timeout=300
        )

    def run(
        self,
        code: str,
        *,
        path: Iterable[str | Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run some code and give what it prints, without the last newline.

        :raises AssertionError: its exit status isn't 0; the message has its stderr.
        """
        done = self.process("-s", "-c", code, path=path, environment=environment)
        assert done.returncode == 0, f"{self.name} failed:\n{done.stdout}{done.stderr}"
        return done.stdout.rstrip("\n")

    def origin(
        self, module: str, *, path: Iterable[str | Path] = (), after: str = "sys"
    ) -> str | None:
        """Import a module and give the file that it came from; None where no finder sees it.

        :param after: a module to import first (psycopg_binary wants psycopg to be there).
        :raises AssertionError: it is found and the import fails.
        """
        code = (
            f"import importlib, importlib.util as u, {after}; "
            f"spec = u.find_spec({module!r}); "
            f"print(importlib.import_module({module!r}).__spec__.origin if spec else '')"
        )
        return self.run(code, path=path) or None


class InterpreterFactory(Protocol):
    """Gives an interpreter by its name or version; skips the test where there is none."""

    def __call__(self, name: str, /) -> Interpreter: ...


@functools.cache
def _built(name: str) -> Interpreter | CannotBuildError | BuildError:
    # (errors are kept too: a build that fails shall not start anew for every test)
    run = subprocess.run(["bash", str(SCRIPT), name], check=False, capture_output=True, text=True)
    reason = (run.stderr.strip().splitlines() or ["it gave no reason"])[-1]
    if run.returncode == CANNOT:
        return CannotBuildError(reason)
    if run.returncode != 0:
        return BuildError(f"{SCRIPT.name} {name}: {reason}")
    folder = run.stdout.strip().splitlines()[-1]
    return Interpreter(name, Path(folder, "bin", "python3"), "musl")


def musl_interpreter(name: str) -> Interpreter:
    """Give one of the script's interpreters, after building it where it is not there yet.

    :raises CannotBuildError: not on this machine.
    :raises BuildError: the build failed.
    """
    built = _built(name)
    if isinstance(built, Exception):
        raise built
    return built


def _candidates() -> Iterable[Path]:
    """List the executables that may be a CPython: pyenv's, then those on PATH, then this one."""
    root = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
    yield from sorted(Path(root, "versions").glob("*/bin/python3"))
    for minor in range(6, 30):
        found = shutil.which(f"python3.{minor}")
        # (pyenv's shims are scripts that may refuse to run)
        if found and "shims" not in Path(found).parts:
            yield Path(found)
    yield Path(sys.executable)


def _version(executable: Path) -> str | None:
    """Ask for the version; None where it isn't a release build of CPython on glibc."""
    code = (
        "import sys; print('%d.%d' % sys.version_info[:2], sys.implementation.name, "
        "getattr(sys, 'abiflags', '') or '-')"
    )
    run = subprocess.run(
        [str(executable), "-I", "-c", code], check=False, capture_output=True, text=True
    )
    version, implementation, flags = run.stdout.split() if run.returncode == 0 else ("", "", "")
    # (PT_INTERP lies near the beginning of the file)
    with executable.open("rb") as stream:
        is_musl = b"/ld-musl-" in stream.read(8192)
    return None if implementation != "cpython" or {"t", "d"} & {*flags} or is_musl else version


@functools.cache
def glibc_interpreters() -> Mapping[str, Interpreter]:
    """Find the machine's CPythons on glibc by version ("3.9"); the first of each version counts."""
    found: dict[str, Interpreter] = {}
    for executable in _candidates():
        version = _version(executable)
        if version and version not in found:
            found[version] = Interpreter(f"CPython {version}", executable, "glibc")
    return found
