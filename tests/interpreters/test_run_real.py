"""Real installers under ``wheelfix run``, for a real musl interpreter that doesn't import what the wheel holds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.containers import PIP
from support.not_here import not_here
from support.tools import ToolError, fill_pdm_cache, plain_tool, serve
from support.trees import names, tree
from support.uv import UvError, uv_executable
from support.wheel_maker import make_wheel
from support.wheels import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.interpreters import Interpreter, InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

PSYCOPG_BINARY = "psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl"
PSYCOPG = "psycopg-3.0.4-py3-none-any.whl"
IMPLEMENTATION = "import psycopg; print(psycopg.pq.__impl__)"
NOT_IMPORTED = "ImportError: no pq wrapper available."
MENDED = "wheelfix: psycopg_binary 3.0.4: 2 modules mended in "

PROJECT = """
[project]
name = "project"
version = "1.0"
requires-python = ">=3.9,<3.10"
dependencies = ["psycopg==3.0.4", "psycopg-binary==3.0.4"]

[tool.uv]
package = false

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


@dataclass(frozen=True)
class Scene:
    """A folder to install from.

    :param folder: the current one.
    :param base: the interpreter.
    :param given: wheels that pip and uv find, and nothing else.
    """

    folder: Path
    base: Interpreter
    given: Path

    @property
    def environment(self) -> Path:
        return self.folder / ".venv"

    @property
    def packages(self) -> Path:
        return self.environment / "lib/python3.9/site-packages"

    @property
    def python(self) -> Interpreter:
        return replace(self.base, executable=self.environment / "bin/python")

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def make_environment(self) -> None:
        done = self.base.process("-m", "venv", "--clear", "--without-pip", self.environment)
        assert done.returncode == 0, done.stderr

    def plain(
        self, *command: str | Path, **variables: str | Path
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as it is, with nothing of the caller's environment."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        fixed = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.given,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": self.given,
            "UV_CACHE_DIR": self.cache,
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "POETRY_CACHE_DIR": self.cache,
            "POETRY_CONFIG_DIR": home / "poetry",
            "PDM_CACHE_DIR": self.cache,
            "PDM_CHECK_UPDATE": "0",
            **variables,
        }
        if "PYTHONPATH" in os.environ and command[0] == sys.executable:
            fixed["PYTHONPATH"] = os.environ["PYTHONPATH"]
        done = subprocess.run(
            [str(each) for each in command],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={name: str(value) for name, value in fixed.items()},
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def run(self, *command: str | Path, **variables: str | Path) -> str:
        """Run a command under wheelfix, and give what stderr says."""
        wrapped = (sys.executable, "-W", "error", "-m", "wheelfix", "run", "--", *command)
        return self.plain(*wrapped, **variables).stderr

    def imports(self) -> str:
        done = self.python.process("-s", "-c", IMPLEMENTATION)
        return NOT_IMPORTED if NOT_IMPORTED in done.stderr else done.stdout.strip() or done.stderr

    def installed(self) -> set[str]:
        return names(tree(self.packages)) if self.packages.exists() else set()


@pytest.fixture
def scene(interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path) -> Scene:
    given = tmp_path / "given"
    given.mkdir()
    for file in (PSYCOPG_BINARY, PSYCOPG):
        shutil.copy(wheel(file), given)
    folder = tmp_path.resolve() / "here"
    folder.mkdir()
    return Scene(folder, interpreter("cp39-musl"), given)


@pytest.fixture
def uv() -> Path:
    try:
        return uv_executable()
    except UvError as error:
        not_here(f"uv can't be had: {error}")


@pytest.fixture(scope="session")
def pip(tmp_path_factory: pytest.TempPathFactory) -> tuple[str | Path, ...]:
    """Give a pip that runs on any interpreter, whatever this one's own pip still runs on."""
    folder = tmp_path_factory.mktemp("pip")
    with zipfile.ZipFile(fetch(PIP)) as archive:
        archive.extractall(folder)
    return (sys.executable, folder / "pip")


def add_pip(scene: Scene) -> Path:
    """Give the environment a pip that knows musllinux wheels, and the path of its script."""
    scene.plain(scene.environment / "bin/python", fetch(PIP) / "pip", "install", fetch(PIP))
    return scene.environment / "bin/pip"


def pip_commands(scene: Scene, pip: tuple[str | Path, ...]) -> list[tuple[str | Path, ...]]:
    python = scene.environment / "bin/python"
    return [
        (add_pip(scene), "install"),
        (python, "-I", "-m", "pip", "install"),
        (*pip, "--python", scene.environment, "install"),
    ]


@pytest.mark.parametrize("number", range(3))
def test_pip(number: int, scene: Scene, pip: tuple[str | Path, ...]) -> None:
    scene.make_environment()
    command = pip_commands(scene, pip)[number]
    before = scene.installed()
    said = scene.run(*command, "psycopg[binary]==3.0.4")
    assert said == f"{MENDED}{scene.packages}\n"
    assert scene.imports() == "binary"
    # nothing more to do
    installed = tree(scene.environment)
    assert scene.run(*command, "psycopg[binary]==3.0.4") == ""
    assert tree(scene.environment) == installed
    uninstall = (*command[:-1], "uninstall", "-y", "psycopg", "psycopg-binary")
    assert scene.run(*uninstall) == ""
    # pip leaves the bytecode that its own run has made of itself
    left = {path for path in scene.installed() if "__pycache__" not in path}
    assert left == {path for path in before if "__pycache__" not in path}


def test_without_wheelfix_it_does_not_import(scene: Scene) -> None:
    scene.make_environment()
    scene.plain(add_pip(scene), "install", "psycopg[binary]==3.0.4")
    assert scene.imports() == NOT_IMPORTED


@pytest.mark.parametrize(
    ("options", "folder"),
    [
        (("--target", "there"), "there"),
        (("--prefix", "there"), "there/lib/python3.9/site-packages"),
        (("--root", "there"), "there/{environment}/lib/python3.9/site-packages"),
        (("--user",), "home/.local/lib/python3.9/site-packages"),
    ],
)
def test_where_pip_puts_it_elsewhere(
    options: tuple[str, ...], folder: str, scene: Scene, pip: tuple[str | Path, ...]
) -> None:
    scene.make_environment()
    python = scene.environment
    if options == ("--user",):
        # a virtual environment has none
        python = scene.base.executable
    install = (*pip, "--python", python, "install", "--ignore-installed")
    said = scene.run(*install, *options, "psycopg[binary]==3.0.4")
    site = scene.folder / folder.format(environment=str(scene.environment).lstrip("/"))
    assert f"{MENDED}{site}\n" in said
    done = scene.base.process("-s", "-c", IMPLEMENTATION, path=[site])
    assert done.stdout == "binary\n", done.stderr


def test_where_a_file_of_pip_puts_it(scene: Scene, pip: tuple[str | Path, ...]) -> None:
    scene.make_environment()
    (scene.environment / "pip.conf").write_text("[install]\ntarget = there\n", "utf-8")
    said = scene.run(*pip, "--python", scene.environment, "install", "psycopg[binary]==3.0.4")
    assert f"{MENDED}{scene.folder}/there\n" in said
    done = scene.base.process("-s", "-c", IMPLEMENTATION, path=[scene.folder / "there"])
    assert done.stdout == "binary\n", done.stderr


@pytest.mark.parametrize("link_mode", ["hardlink", "symlink", "copy"])
@pytest.mark.parametrize("by", ["pip", "uv"])
def test_uv_pip(
    link_mode: str, by: str, scene: Scene, uv: Path, pip: tuple[str | Path, ...]
) -> None:
    scene.make_environment()
    # fills the cache
    install = ("pip", "install", "--link-mode", link_mode, "psycopg[binary]==3.0.4")
    scene.plain(uv, *install)
    assert scene.imports() == NOT_IMPORTED
    cache = tree(scene.cache)
    scene.make_environment()
    said = scene.run(uv, *install)
    assert f"{MENDED}{scene.packages}\n" in said
    assert scene.imports() == "binary"
    mended = tree(scene.cache)
    assert {path: row for path, row in mended.items() if path in cache} == cache
    if by == "uv":
        scene.run(uv, "pip", "uninstall", "psycopg", "psycopg-binary")
    else:
        named = ("--python", scene.environment)
        scene.run(*pip, *named, "uninstall", "-y", "psycopg", "psycopg-binary")
    assert {path for path in scene.installed() if not path.startswith("_virtualenv")} == set()


def test_uv_pip_in_the_active_environment(scene: Scene, uv: Path) -> None:
    scene.make_environment()
    active = scene.folder / "active"
    scene.environment.rename(active)
    said = scene.run(uv, "pip", "install", "psycopg[binary]==3.0.4", VIRTUAL_ENV=active)
    assert f"{MENDED}{active}/lib/python3.9/site-packages\n" in said


def test_uv_pip_for_a_version(scene: Scene, uv: Path) -> None:
    commands = scene.folder / "commands"
    commands.mkdir()
    for name in ("python3.9", "python3", "python"):
        (commands / name).symlink_to(scene.base.executable)
    options = ("--python", "3.9", "--target", "there", "psycopg[binary]==3.0.4")
    said = scene.run(uv, "pip", "install", *options, PATH=commands)
    assert f"{MENDED}{scene.folder}/there\n" in said


@pytest.mark.parametrize("options", [(), ("--directory", "below")])
def test_where_a_file_of_uv_puts_it(options: tuple[str, ...], scene: Scene, uv: Path) -> None:
    scene.make_environment()
    text = f'{PROJECT.format(index="")}\n[tool.uv.pip]\ntarget = "there"\n'
    (scene.folder / "pyproject.toml").write_text(text, "utf-8")
    (scene.folder / "below").mkdir()
    install = ("pip", "install", *options, "psycopg[binary]==3.0.4")
    said = scene.run(uv, *install, UV_NO_CONFIG="0")
    # with --directory, uv 0.13.9 takes the file's paths from there
    (there,) = scene.folder.rglob("there")
    assert f"{MENDED}{there}\n" in said
    done = scene.base.process("-s", "-c", IMPLEMENTATION, path=[there])
    assert done.stdout == "binary\n", done.stderr


def test_uv_pip_where_a_file_names_the_environment(scene: Scene, uv: Path) -> None:
    scene.make_environment()
    there = scene.folder / "there"
    scene.environment.rename(there)
    scene.environment.write_text("there\n", "utf-8")
    said = scene.run(uv, "pip", "install", "psycopg[binary]==3.0.4")
    assert f"{MENDED}{there}/lib/python3.9/site-packages\n" in said


def test_uv_tool(scene: Scene, uv: Path) -> None:
    make_wheel(
        scene.given,
        {"example.py": f"def main():\n    {IMPLEMENTATION}\n"},
        entry_points="[console_scripts]\nexample = example:main\n",
        metadata="Requires-Dist: psycopg[binary]==3.0.4\n",
    )
    install = (uv, "tool", "install", "--python", scene.base.executable, "example")
    assert MENDED in scene.run(*install)
    assert scene.plain(scene.folder / "home/.local/bin/example").stdout == "binary\n"
    assert MENDED in scene.run(*install, "--reinstall")
    assert "wheelfix" not in scene.run(*install)


def test_uv_script(scene: Scene, uv: Path) -> None:
    lines = (
        "# /// script",
        '# requires-python = ">=3.9,<3.10"',
        '# dependencies = ["psycopg[binary]==3.0.4"]',
        "# ///",
        IMPLEMENTATION,
    )
    (scene.folder / "script.py").write_text("\n".join(lines), "utf-8")
    options = ("--python", scene.base.executable, "--script", "script.py")
    assert MENDED in scene.run(uv, "sync", *options)
    assert scene.plain(uv, "run", *options).stdout == "binary\n"


def test_uv_add_below_the_project(scene: Scene, uv: Path) -> None:
    text = PROJECT.format(index="").replace('"psycopg==3.0.4", "psycopg-binary==3.0.4"', "")
    (scene.folder / "pyproject.toml").write_text(text, "utf-8")
    (scene.folder / "below").mkdir()
    options = ("--directory", "below", "--python", scene.base.executable)
    said = scene.run(uv, "add", *options, "psycopg[binary]==3.0.4")
    assert f"{MENDED}{scene.packages}\n" in said
    assert scene.imports() == "binary"


def test_uv_sync_in_a_fresh_project(scene: Scene, uv: Path) -> None:
    (scene.folder / "pyproject.toml").write_text(PROJECT.format(index=""), "utf-8")
    sync = (uv, "sync", "--python", scene.base.executable)
    assert f"{MENDED}{scene.packages}\n" in scene.run(*sync)
    assert scene.imports() == "binary"
    assert "wheelfix" not in scene.run(*sync)


@pytest.fixture
def index(scene: Scene, tmp_path: Path) -> Iterator[str]:
    with serve(scene.given.iterdir(), tmp_path / "index") as address:
        (scene.folder / "pyproject.toml").write_text(PROJECT.format(index=address), "utf-8")
        yield address


def get_tool(name: str, python: Interpreter) -> Path:
    try:
        return plain_tool(name, python)
    except ToolError as error:
        not_here(f"no {name} here: {error}")


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("is_in_project", [True, False])
def test_poetry(*, is_in_project: bool, scene: Scene, interpreter: InterpreterFactory) -> None:
    # it takes its own interpreter's platform for the environment's, so it must run on musl itself
    command = (get_tool("poetry", interpreter("cp311-musl")), "-m", "poetry")
    commands = scene.folder / "commands"
    commands.mkdir()
    (commands / "python3.9").symlink_to(scene.base.executable)
    # it takes any Python 3.9 that it finds
    variables: dict[str, str | Path] = {"PATH": f"{commands}:/usr/bin:/bin"}
    scene.make_environment()
    scene.plain(*command, "lock", **variables)
    if not is_in_project:
        # it makes one in its cache when it first installs
        shutil.rmtree(scene.environment)
    assert MENDED in scene.run(*command, "install", **variables)
    listed = scene.plain(*command, "env", "list", "--full-path", **variables).stdout
    path = listed.strip().removesuffix(" (Activated)")
    assert (path == str(scene.environment)) is is_in_project
    python = replace(scene.base, executable=Path(path) / "bin/python")
    assert python.run(IMPLEMENTATION) == "binary"
    assert "wheelfix" not in scene.run(*command, "install", **variables)


@pytest.fixture(scope="session")
def pdm_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pdm-cache")
    try:
        fill_pdm_cache(folder)
    except ToolError as error:
        not_here(f"no PDM here: {error}")
    return folder


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("method", [None, "copy", "symlink", "hardlink"])
def test_pdm(
    method: str | None,
    scene: Scene,
    glibc_interpreter: InterpreterFactory,
    pdm_cache: Path,
) -> None:
    variables: dict[str, str | Path] = {"PDM_CACHE_DIR": pdm_cache}
    variables |= {"PIP_NO_INDEX": "0", "PIP_FIND_LINKS": ""}
    command = (get_tool("pdm", glibc_interpreter("3.11")), "-m", "pdm")
    settings = (
        f'[install]\ncache = {str(bool(method)).lower()}\ncache_method = "{method or "symlink"}"\n'
    )
    (scene.folder / "pdm.toml").write_text(settings, "utf-8")
    scene.make_environment()
    scene.plain(*command, "lock", **variables)
    scene.plain(*command, "install", **variables)
    assert scene.imports() == NOT_IMPORTED
    cache = cached(pdm_cache)
    scene.make_environment()
    assert f"{MENDED}{scene.packages}\n" in scene.run(*command, "install", **variables)
    assert scene.imports() == "binary"
    assert cached(pdm_cache) == cache
    assert "wheelfix" not in scene.run(*command, "install", **variables)
    scene.run(*command, "remove", "psycopg", "psycopg-binary", **variables)
    assert scene.installed() == set()
    if method is None:
        added = scene.run(*command, "add", "psycopg==3.0.4", "psycopg-binary==3.0.4", **variables)
        assert f"{MENDED}{scene.packages}\n" in added


def cached(folder: Path) -> dict[str, tuple[str, int, bytes]]:
    """Read PDM's cache of unpacked wheels, without its own notes of who uses them."""
    packages = folder / "packages"
    found = tree(packages) if packages.exists() else {}
    return {path: row for path, row in found.items() if not path.endswith("/.referrers")}
