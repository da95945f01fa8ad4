"""wheelfix as uvx, uv and pipx run it: the environment that it mends is the user's, and never its own."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from support.musl_apps import PSYCOPG_BINARY, MuslApp, uv
from support.not_here import not_here
from support.pyz import dependency_wheels
from support.tool_environments import own_wheel, tool_environment
from support.trees import tree
from support.wheels import DownloadError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.interpreters import InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

RUNNERS = ("uvx", "uv run", "uv tool", "pipx run", "pipx install")


class Given(NamedTuple):
    """What to install the tool from.

    :param wheel: wheelfix's own.
    :param folder: wheels of what it depends on.
    :param shared: where pipx keeps the pip that its environments share, which it downloads.
    """

    wheel: Path
    folder: Path
    shared: Path


@pytest.fixture(scope="session")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    try:
        own = own_wheel(tmp_path_factory.mktemp("own-wheel"))
        shared = tmp_path_factory.mktemp("pipx") / "shared"
        return Given(own, dependency_wheels()[0].parent, shared)
    except (DownloadError, subprocess.CalledProcessError) as error:
        not_here(f"wheelfix's own wheel or what it needs can't be had: {error}")


class Runner:
    """Installs and runs wheelfix in the way that a tool does it.

    :param how: one of RUNNERS.
    :param folder: from where it is run.
    :param home: the user's.
    """

    def __init__(self, how: str, given: Given, folder: Path, home: Path, python: Path) -> None:
        self._how = how
        self._given = given
        self._folder = folder
        self._python = str(python)
        self._variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PIPX_SHARED_LIBS": str(given.shared),
            "PIP_FIND_LINKS": str(given.folder),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": str(given.folder),
            "UV_NO_CONFIG": "1",
            "UV_PYTHON": self._python,
            "UV_PYTHON_DOWNLOADS": "never",
        }
        home.mkdir()
        folder.mkdir(exist_ok=True)
        self._command = self._prepare(home)

    def _prepare(self, home: Path) -> list[str]:
        tool, wheel = str(uv()), str(self._given.wheel)
        installed = str(home / ".local/bin/wheelfix")
        if self._how == "uvx":
            return [tool, "tool", "run", "--quiet", "--from", wheel, "wheelfix"]
        if self._how == "uv run":
            return [tool, "run", "--quiet", "--no-project", "--with", wheel, "wheelfix"]
        if self._how == "uv tool":
            self._check([tool, "tool", "install", wheel])
            return [installed]
        try:
            pipx = str(tool_environment("pipx==1.18.4") / "bin/pipx")
        except DownloadError as error:
            not_here(f"pipx can't be had: {error}")
        if self._how == "pipx run":
            return [pipx, "run", "--quiet", "--python", self._python, "--spec", wheel, "wheelfix"]
        self._check([pipx, "install", "--python", self._python, wheel])
        return [installed]

    def _check(self, command: list[str]) -> None:
        done = self._run(command, {})
        assert done.returncode == 0, done.stdout + done.stderr

    def _run(
        self, command: list[str], variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd=self._folder,
            env={**self._variables, **variables},
            timeout=300,
        )

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self._run([*self._command, *arguments], variables)


@pytest.fixture(params=RUNNERS)
def run(
    request: pytest.FixtureRequest,
    given: Given,
    glibc_interpreter: InterpreterFactory,
    tmp_path: Path,
) -> Runner:
    python = glibc_interpreter("3.11").executable
    folder = tmp_path.resolve()
    return Runner(request.param, given, folder / "project", folder / "home", python)


def make_app(folder: Path, interpreter: InterpreterFactory, wheel: WheelFactory) -> MuslApp:
    app = MuslApp(folder, folder.parent / "tools", interpreter("cp39-musl"))
    app.install_by_pip(wheel(PSYCOPG_BINARY))
    assert not app.is_mended
    return app


def test_the_one_in_the_folder(
    run: Runner, interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    app = make_app(tmp_path.resolve() / "project/.venv", interpreter, wheel)
    done = run("fix")
    assert done.returncode == 0, done.stderr
    first, *told = done.stdout.splitlines()
    assert first.startswith(f"environment: {app.folder} (cpython 3.9.")
    assert first.endswith(" musl), named by ./.venv")
    assert told[0] == "psycopg_binary 3.0.4: 2 modules mended"
    assert app.is_mended
    assert run("verify").returncode == 0


# uv run sets VIRTUAL_ENV to the environment that it makes
@pytest.mark.parametrize("run", sorted({*RUNNERS} - {"uv run"}), indirect=True)
def test_the_one_that_is_activated(
    run: Runner, interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    app = make_app(tmp_path.resolve() / "activated", interpreter, wheel)
    make_app(tmp_path.resolve() / "project/.venv", interpreter, wheel)
    before = tree(tmp_path / "project")
    done = run("fix", VIRTUAL_ENV=str(app.folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith(f"environment: {app.folder} ")
    assert done.stdout.splitlines()[0].endswith(" musl), named by VIRTUAL_ENV")
    assert app.is_mended
    assert tree(tmp_path / "project") == before


@pytest.mark.parametrize("command", ["fix", "verify"])
def test_its_own_is_refused(run: Runner, command: str) -> None:
    done = run(command)
    assert (done.returncode, done.stdout) == (1, "")
    assert "wheelfix: error: WF614 " in done.stderr
    assert "it was made to run a tool: " in done.stderr
    assert "--python .venv" in done.stderr
