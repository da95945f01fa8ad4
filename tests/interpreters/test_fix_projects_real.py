"""What the real, current Poetry and PDM, without a plugin, have put into a musl environment is mended where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.musl_apps import GNU, MODULES, MUSL, PSYCOPG_BINARY, RENAMED, MuslApp
from support.not_here import not_here
from support.tools import Tool, ToolError, plain_tool, serve
from support.trees import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.interpreters import Interpreter, InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

PSYCOPG = "psycopg-3.0.4-py3-none-any.whl"
IMPLEMENTATION = "import psycopg; print(psycopg.pq.__impl__)"
NOT_IMPORTED = "ImportError: no pq wrapper available"
PROJECT = """
[project]
name = "project"
version = "1.0"
requires-python = ">=3.9,<3.10"
dependencies = ["psycopg==3.0.4", "psycopg-binary==3.0.4"]

[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = "local"
url = "{index}"
priority = "primary"

[tool.pdm]
distribution = false

[[tool.pdm.source]]
name = "pypi"
url = "{index}"
verify_ssl = false
"""


class Project:
    """A project whose dependencies a tool has installed into .venv.

    :param folder: empty.
    :param tool: without wheelfix.
    :param cache: of the tool.
    """

    def __init__(self, folder: Path, base: Interpreter, tool: Tool, cache: Path) -> None:
        self.folder = folder
        self.cache = cache
        self._tool = tool
        self.app = MuslApp(folder / ".venv", folder / "home", base)
        self.empty = tree(self.app.folder)

    def set_up(self, index: str, *, settings: str = "") -> None:
        (self.folder / "pyproject.toml").write_text(PROJECT.format(index=index), "utf-8")
        (self.folder / "pdm.toml").write_text(settings, "utf-8")
        self.run("lock")
        self.run("install")

    def run(self, *arguments: str) -> str:
        variables = {
            "POETRY_CACHE_DIR": str(self.cache),
            "POETRY_CONFIG_DIR": str(self.folder / "home" / "poetry"),
            "POETRY_VIRTUALENVS_IN_PROJECT": "true",
            "PDM_CACHE_DIR": str(self.cache),
            "PDM_CHECK_UPDATE": "0",
        }
        done = self._tool.run(*arguments, folder=self.folder, variables=variables, plugin=False)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def remove(self, by: str) -> None:
        if by == "the tool":
            self.run("remove", "psycopg", "psycopg-binary")
            return
        for name in ("psycopg", "psycopg-binary"):
            self.app.uninstall(name, by=by)

    @property
    def cached(self) -> dict[str, tuple[str, int, bytes]]:
        """Read PDM's cache of unpacked wheels, without its own notes of who uses them."""
        found = tree(self.cache / "packages")
        return {path: row for path, row in found.items() if not path.endswith("/.referrers")}


@pytest.fixture(scope="session")
def index(wheel: WheelFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    wheels = [wheel(file) for file in (PSYCOPG, PSYCOPG_BINARY)]
    with serve(wheels, tmp_path_factory.mktemp("index")) as address:
        yield address


def tool_on(name: str, python: Interpreter) -> Tool:
    try:
        executable = plain_tool(name, python)
    except ToolError as error:
        not_here(f"no {name} here: {error}")
    return Tool(name, executable, executable, has_sqlite=False)


@pytest.fixture(scope="session")
def tool_of(
    interpreter: InterpreterFactory,
    glibc_interpreter: InterpreterFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], tuple[Tool, Path]]:
    """Give a tool by name, and its cache, one for all: PDM downloads a library for CPython 3.9 into it."""
    cache = tmp_path_factory.mktemp("cache")

    def get(name: str) -> tuple[Tool, Path]:
        # Poetry takes its own interpreter's platform for the environment's, so it must run on musl itself
        python = interpreter("cp311-musl") if name == "poetry" else glibc_interpreter("3.11")
        return tool_on(name, python), cache / name

    return get


@pytest.fixture(params=["poetry", "pdm", "pdm copy", "pdm symlink", "pdm hardlink"])
def project(
    request: pytest.FixtureRequest,
    interpreter: InterpreterFactory,
    tool_of: Callable[[str], tuple[Tool, Path]],
    index: str,
    tmp_path: Path,
) -> Project:
    """Poetry's, or PDM's without its cache of unpacked wheels and with each way to link from it."""
    name, _, method = request.param.partition(" ")
    made = Project(tmp_path.resolve(), interpreter("cp39-musl"), *tool_of(name))
    settings = f"[install]\ncache = {str(bool(method)).lower()}\n"
    made.set_up(index, settings=f'{settings}cache_method = "{method or "symlink"}"\n')
    return made


def test_the_tool_links_as_it_was_told_to(project: Project, request: pytest.FixtureRequest) -> None:
    """Or else the tests below would prove nothing."""
    how = request.node.callspec.params["project"]
    module = project.app.site / f"{MODULES[0]}{GNU}"
    assert module.is_symlink() == (how == "pdm symlink")
    assert (module.stat().st_nlink > 1) == (how == "pdm hardlink")


def test_it_does_not_import_and_does_afterwards(project: Project) -> None:
    python = project.app.python
    assert NOT_IMPORTED in python.process("-s", "-c", IMPLEMENTATION).stderr
    cache = project.cached
    (distribution,) = project.app.fix()["distributions"]
    assert distribution["changed"] == RENAMED
    assert python.run(IMPLEMENTATION) == "binary"
    assert project.app.found["pq"] == f"pq{MUSL}"
    assert project.cached == cache
    mended = tree(project.app.folder)
    assert project.app.fix()["distributions"] == []
    assert tree(project.app.folder) == mended


def test_undo_gives_the_tree_back_byte_for_byte(project: Project) -> None:
    before, cache = tree(project.app.folder), project.cached
    project.app.fix()
    assert tree(project.app.folder) != before
    project.app.fix("--undo")
    assert tree(project.app.folder) == before
    assert project.cached == cache


def test_verify(project: Project, request: pytest.FixtureRequest) -> None:
    assert project.app.verify()[0] == 1
    project.app.fix()
    status, report = project.app.verify()
    assert (status, report["outcome"]) == (0, "sound")
    found = {each["code"] for one in report["distributions"] for each in one["findings"]}
    # PDM writes no hashes of what it links
    how = request.node.callspec.params["project"]
    assert found == ({"WF619"} if how in ("pdm symlink", "pdm hardlink") else set())


@pytest.mark.parametrize("by", ["the tool", "pip", "uv"])
def test_whoever_uninstalls_it_leaves_nothing_behind(project: Project, by: str) -> None:
    cache = project.cached
    project.app.fix()
    project.remove(by)
    left = tree(project.app.folder)
    # uv's own, in every environment that it looks at
    left.pop(".lock", None)
    assert left == project.empty
    assert project.cached == cache


def test_the_tool_has_nothing_to_do_afterwards(project: Project) -> None:
    project.app.fix()
    before = tree(project.app.folder)
    project.run("install")
    assert tree(project.app.folder) == before
