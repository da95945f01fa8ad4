"""The plugins in real, current Poetry and PDM, on a project whose environment is a real musl interpreter's."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from support.elf_maker import X86_64, shared_object
from support.not_here import not_here
from support.repacking import repack
from support.tools import Tool, ToolError, fill_pdm_cache, serve, tool
from support.trees import names, tree
from support.wheel_maker import make_wheel

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from support.interpreters import Interpreter, InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

PSYCOPG = "psycopg-3.0.4-py3-none-any.whl"
PSYCOPG_BINARY = "psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl"
MARKUPSAFE = "markupsafe-3.0.4-cp39-cp39-musllinux_1_2_x86_64.whl"
MARKUPSAFE_GLIBC = "markupsafe-3.0.4-cp39-cp39-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"
PSUTIL = (
    "psutil-7.2.2-cp36-abi3-manylinux2010_x86_64.manylinux_2_12_x86_64.manylinux_2_28_x86_64.whl"
)
ABI3_TAGS = "cp39-abi3-manylinux_2_12_x86_64"
MUSL_TAGS = "cp39-cp39-musllinux_1_2_x86_64"
GNU, MUSL = ".cpython-39-x86_64-linux-gnu.so", ".cpython-39-x86_64-linux-musl.so"
MODULES = {
    f"psycopg_binary/_psycopg{MUSL}",
    f"psycopg_binary/pq{MUSL}",
    f"markupsafe/_speedups{MUSL}",
}
REQUIREMENTS = ["psycopg==3.0.4", "psycopg-binary==3.0.4", "markupsafe==3.0.4"]
IMPLEMENTATION = "import psycopg; print(psycopg.pq.__impl__)"

PROJECT = """
[project]
name = "project"
version = "1.0"
requires-python = ">=3.9,<3.10"
dependencies = {requirements}

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
class Project:
    """A project with an environment of a real interpreter in .venv.

    :param folder: where pyproject.toml lies.
    :param base: the interpreter.
    :param tool: that looks after it.
    :param cache: the tool's cache folder.
    """

    folder: Path
    base: Interpreter
    tool: Tool
    cache: Path

    @property
    def packages(self) -> Path:
        return self.folder / ".venv" / "lib" / "python3.9" / "site-packages"

    @property
    def python(self) -> Interpreter:
        return replace(self.base, executable=self.folder / ".venv" / "bin" / "python")

    def write(self, index: str, requirements: Sequence[str]) -> None:
        text = PROJECT.format(index=index, requirements=[*requirements])
        (self.folder / "pyproject.toml").write_text(text, "utf-8")

    def make_environment(self) -> None:
        done = self.base.process("-m", "venv", "--clear", "--without-pip", self.folder / ".venv")
        assert done.returncode == 0, done.stderr

    def run(self, *arguments: str | Path, plugin: bool = True) -> subprocess.CompletedProcess[str]:
        variables = {
            "poetry": {
                "POETRY_CACHE_DIR": str(self.cache),
                "POETRY_CONFIG_DIR": str(self.folder / "home" / "poetry"),
                "POETRY_VIRTUALENVS_IN_PROJECT": "true",
            },
            "pdm": {"PDM_CACHE_DIR": str(self.cache), "PDM_CHECK_UPDATE": "0"},
        }
        return self.tool.run(
            *arguments, folder=self.folder, variables=variables[self.tool.name], plugin=plugin
        )

    def succeed(self, *arguments: str | Path, plugin: bool = True) -> str:
        done = self.run(*arguments, plugin=plugin)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def fail(self, *arguments: str | Path) -> str:
        done = self.run(*arguments)
        assert done.returncode == 1, done.stdout
        return done.stdout

    def installed(self) -> set[str]:
        return names(tree(self.folder / ".venv"))


@pytest.fixture(scope="session")
def tools_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tools")


@pytest.fixture(scope="session")
def poetry(interpreter: InterpreterFactory, tools_folder: Path) -> Tool:
    # it takes its own interpreter's platform for the environment's, so it must run on musl itself
    return get_tool("poetry", interpreter("cp311-musl"), tools_folder / "musl")


@pytest.fixture(scope="session")
def poetry_on_glibc(glibc_interpreter: InterpreterFactory, tools_folder: Path) -> Tool:
    return get_tool("poetry", glibc_interpreter("3.11"), tools_folder / "glibc")


@pytest.fixture(scope="session")
def pdm(glibc_interpreter: InterpreterFactory, tools_folder: Path) -> Tool:
    return get_tool("pdm", glibc_interpreter("3.11"), tools_folder)


@pytest.fixture(scope="session", params=["3.9", "3.11"])
def each_poetry(
    request: pytest.FixtureRequest, glibc_interpreter: InterpreterFactory, tools_folder: Path
) -> Tool:
    """Poetry's newest version, and the last one for CPython 3.9: 2.2, on installer 0.7."""
    return get_tool("poetry", glibc_interpreter(request.param), tools_folder / request.param)


@pytest.fixture(scope="session", params=["3.9", "3.11"])
def each_pdm(
    request: pytest.FixtureRequest, glibc_interpreter: InterpreterFactory, tools_folder: Path
) -> Tool:
    """PDM's newest version, and the last one for CPython 3.9: 2.26, on installer 0.7."""
    return get_tool("pdm", glibc_interpreter(request.param), tools_folder / request.param)


def get_tool(name: str, python: Interpreter, folder: Path) -> Tool:
    try:
        return tool(name, python, folder)
    except ToolError as error:
        not_here(f"no {name} here: {error}")


@pytest.fixture(scope="session")
def index(wheel: WheelFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    wheels = [wheel(file) for file in (PSYCOPG, PSYCOPG_BINARY, MARKUPSAFE)]
    with serve(wheels, tmp_path_factory.mktemp("index")) as address:
        yield address


@pytest.fixture
def poetry_project(
    poetry: Tool, interpreter: InterpreterFactory, index: str, tmp_path: Path
) -> Project:
    project = Project(tmp_path, interpreter("cp39-musl"), poetry, tmp_path / "cache")
    project.write(index, REQUIREMENTS)
    project.make_environment()
    return project


@pytest.fixture(scope="session")
def pdm_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pdm-cache")
    try:
        fill_pdm_cache(folder)
    except ToolError as error:
        not_here(f"no PDM here: {error}")
    return folder


@pytest.fixture
def pdm_project(
    pdm: Tool, interpreter: InterpreterFactory, index: str, pdm_cache: Path, tmp_path: Path
) -> Project:
    project = Project(tmp_path, interpreter("cp39-musl"), pdm, pdm_cache)
    project.write(index, REQUIREMENTS)
    project.make_environment()
    return project


def glibc_code_in_a_musl_wheel(wheel: WheelFactory, folder: Path) -> Path:
    return repack(wheel(MARKUPSAFE_GLIBC), folder, tags=MUSL_TAGS)


def assert_imports(project: Project) -> None:
    assert project.python.run(IMPLEMENTATION) == "binary"
    for module in ("psycopg_binary.pq", "markupsafe._speedups"):
        origin = project.python.origin(module, after="psycopg")
        assert origin == str(project.packages / f"{module.replace('.', '/')}{MUSL}")


def assert_does_not_import(project: Project) -> None:
    failed = project.python.process("-s", "-c", IMPLEMENTATION)
    assert "ImportError: no pq wrapper available" in failed.stderr
    assert project.python.origin("markupsafe._speedups") is None


# --- Poetry


def test_poetry_installs_what_imports(poetry_project: Project) -> None:
    project = poetry_project
    empty = project.installed()
    project.succeed("lock", plugin=False)
    project.succeed("install", plugin=False)
    assert_does_not_import(project)

    project.make_environment()
    said = project.succeed("install")
    assert "wheelfix: psycopg_binary 3.0.4: 2 renamed\n" in said
    assert "wheelfix: markupsafe 3.0.4: 1 renamed\n" in said
    assert "wheelfix: psycopg 3.0.4" not in said
    assert_imports(project)
    metadata = tree(project.packages / "psycopg_binary-3.0.4.dist-info")
    assert metadata["INSTALLER"][2].startswith(b"Poetry ")
    assert b'"action": "rename"' in metadata["wheelfix.json"][2]

    assert "No dependencies to install or update" in project.succeed("install")
    project.succeed("remove", *(each.partition("==")[0] for each in REQUIREMENTS))
    assert project.installed() == empty


def test_poetry_without_plugins_is_poetry(poetry_project: Project) -> None:
    poetry_project.succeed("lock", plugin=False)
    poetry_project.succeed("install", "--no-plugins")
    assert_does_not_import(poetry_project)


def test_poetry_says_why_it_refuses(
    poetry_project: Project, wheel: WheelFactory, tmp_path: Path
) -> None:
    project = poetry_project
    before = project.installed()
    bad = glibc_code_in_a_musl_wheel(wheel, tmp_path / "bad")
    with serve([bad], tmp_path / "bad-index") as index:
        project.write(index, ["markupsafe==3.0.4"])
        project.succeed("lock", plugin=False)
        said = project.fail("install")
    assert f"WF202 markupsafe/_speedups{GNU}: " in said
    assert "Traceback" not in said
    assert "Stack trace" not in said
    assert project.installed() == before


def test_poetry_still_holds_a_wheel_against_the_lock(
    poetry_on_glibc: Tool, poetry_project: Project, tmp_path: Path
) -> None:
    project = replace(poetry_project, tool=poetry_on_glibc)
    before = project.installed()
    with serve([make_wheel(tmp_path, {"example.py": ""})], tmp_path / "locked") as index:
        project.write(index, ["example==1.0"])
        project.succeed("lock", plugin=False)
        exchange(project, tmp_path / "locked")
        assert "Hash for example (1.0)" in project.fail("install")
    assert project.installed() == before


def exchange(project: Project, folder: Path) -> None:
    """Put another wheel of the same name into the index, and take the first one out of the tool's cache."""
    make_wheel(folder / "simple/example", {"example.py": "import other"})
    for kept in project.cache.iterdir():
        if kept.is_dir() and kept.name != ".compat_libs":
            shutil.rmtree(kept)


def test_poetry_on_glibc_takes_musl_for_glibc(
    poetry_on_glibc: Tool, poetry_project: Project, wheel: WheelFactory, tmp_path: Path
) -> None:
    project = replace(poetry_project, tool=poetry_on_glibc)
    with serve([wheel(MARKUPSAFE), wheel(MARKUPSAFE_GLIBC)], tmp_path / "both") as index:
        project.write(index, ["markupsafe==3.0.4"])
        project.succeed("lock", plugin=False)
        said = project.fail("install")
    assert "WF202" in said
    assert "Stack trace" not in said


def test_poetry_mends_abi3_names_on_glibc(
    each_poetry: Tool,
    glibc_interpreter: InterpreterFactory,
    poetry_project: Project,
    wheel: WheelFactory,
    tmp_path: Path,
) -> None:
    project = replace(poetry_project, tool=each_poetry, base=glibc_interpreter("3.9"))
    project.make_environment()
    # as setuptools on CPython 3.15 makes it
    renamed = {".abi3.so": ".abi3-x86_64-linux-gnu.so"}
    made = repack(wheel(PSUTIL), tmp_path / "wheels", tags=ABI3_TAGS, renamed=renamed)
    with serve([made], tmp_path / "psutil-index") as index:
        project.write(index, ["psutil==7.2.2"])
        project.succeed("lock", plugin=False)
        assert "wheelfix: psutil 7.2.2: 1 renamed\n" in project.succeed("install", "--compile")
    origin = project.python.origin("psutil._psutil_linux")
    assert origin == str(project.packages / "psutil" / "_psutil_linux.abi3.so")
    assert list(project.packages.glob("psutil/__pycache__/*.pyc"))


def test_poetry_still_warns_of_a_bad_record(
    poetry_on_glibc: Tool, poetry_project: Project, tmp_path: Path
) -> None:
    project = replace(poetry_project, tool=poetry_on_glibc)
    made = make_wheel(tmp_path, {"example.py": ""}, record_rows={"example.py": None})
    with serve([made], tmp_path / "example-index") as index:
        project.write(index, ["example==1.0"])
        project.succeed("lock", plugin=False)
        said = project.succeed("install")
    assert f"Validation of the RECORD file of {made.name} failed" in said
    assert (project.packages / "example.py").exists()
    assert "python3.9" in project.succeed("env", "info")


def test_what_the_plugin_needs_of_poetry(each_poetry: Tool, tmp_path: Path) -> None:
    """Says which name of which version is gone, if one is."""
    code = """
from poetry.__version__ import __version__

missing = []

def need(owner, name):
    if not hasattr(owner, name):
        missing.append(f"{getattr(owner, '__name__', type(owner).__name__)}.{name}")

from cleo.io.null_io import NullIO
from poetry.config.config import Config
from poetry.console.application import Application
from poetry.console.commands.installer_command import InstallerCommand
from poetry.console import exceptions
from poetry.installation import executor, installer, wheel_installer
from poetry.repositories import RepositoryPool
from poetry.utils.env import Env, EnvManager

need(Application, "event_dispatcher")
need(InstallerCommand, "installer")
need(installer.Installer, "executor")
need(exceptions, "PoetryRuntimeError")
need(wheel_installer, "WheelDestination")
need(wheel_installer.WheelInstaller, "install")
need(wheel_installer.WheelInstaller, "enable_bytecode_compilation")
env = EnvManager.get_system_env(naive=True)
need(wheel_installer.WheelInstaller(env), "invalid_wheels")
need(env, "scheme_dict")
need(env, "python")
need(executor.Executor(env, RepositoryPool(), Config.create(), NullIO()), "_wheel_installer")
if missing:
    raise SystemExit(f"Poetry {__version__} no longer has {', '.join(missing)}")
"""
    done = each_poetry.run_code(code, folder=tmp_path)
    assert done.returncode == 0, done.stdout


def test_another_poetry_is_told_apart(poetry_on_glibc: Tool, tmp_path: Path) -> None:
    code = """
from poetry.console.exceptions import PoetryRuntimeError
from wheelfix.plugins._poetry_wheels import use_repaired_wheels
try:
    use_repaired_wheels(object(), None, [])
except PoetryRuntimeError as error:
    print(error)
"""
    said = poetry_on_glibc.run_code(code, folder=tmp_path).stdout
    assert re.match(r"wheelfix: Executor of Poetry [\d.]+ has no _wheel_installer", said)


def test_an_old_poetry_is_told(poetry_on_glibc: Tool, poetry_project: Project) -> None:
    code = """
import sys

# what Poetry 2.0 comes to, which has no PoetryRuntimeError
sys.modules["wheelfix.plugins._poetry_wheels"] = None
sys.argv[:] = ["poetry", "install", "--no-interaction"]
from poetry.console.application import main
sys.exit(main())
"""
    before = poetry_project.installed()
    done = poetry_on_glibc.run_code(code, folder=poetry_project.folder)
    assert done.returncode == 1
    assert "wheelfix: the plugin needs Poetry 2.1 or newer (" in done.stdout
    assert "Stack trace" not in done.stdout
    assert poetry_project.installed() == before


# --- PDM


def configure(project: Project, method: str | None) -> None:
    cache = "true" if method else "false"
    text = f'[install]\ncache = {cache}\ncache_method = "{method or "symlink"}"\n'
    (project.folder / "pdm.toml").write_text(text, "utf-8")


def cached_packages(project: Project) -> dict[str, tuple[str, int, bytes]]:
    """Read PDM's cache of unpacked wheels, without its own notes of who uses them."""
    found = tree(project.cache / "packages")
    return {path: row for path, row in found.items() if not path.endswith("/.referrers")}


@pytest.mark.parametrize("method", [None, "copy", "symlink", "hardlink"])
def test_pdm_installs_what_imports(pdm_project: Project, method: str | None) -> None:
    project = pdm_project
    configure(project, method)
    empty = project.installed()
    project.succeed("lock", plugin=False)
    project.succeed("install", plugin=False)
    assert_does_not_import(project)
    cached = cached_packages(project) if method else {}

    project.make_environment()
    said = project.succeed("install")
    assert "wheelfix: psycopg_binary 3.0.4: 2 renamed\n" in said
    assert_imports(project)
    metadata = tree(project.packages / "psycopg_binary-3.0.4.dist-info")
    assert metadata["INSTALLER"][2] == b"pdm"
    assert b'"action": "rename"' in metadata["wheelfix.json"][2]
    if method:
        assert cached_packages(project) == cached
        assert_linked(project, method)

    assert "nothing to do" in project.succeed("install")
    project.succeed("remove", *(each.partition("==")[0] for each in REQUIREMENTS))
    assert project.installed() == empty
    if method:
        assert cached_packages(project) == cached


def test_each_pdm_installs_what_imports(each_pdm: Tool, pdm_project: Project) -> None:
    project = replace(pdm_project, tool=each_pdm)
    configure(project, "hardlink")
    project.succeed("lock", plugin=False)
    assert "wheelfix: psycopg_binary 3.0.4: 2 renamed\n" in project.succeed("install")
    assert_imports(project)
    assert_linked(project, "hardlink")


def assert_linked(project: Project, method: str) -> None:
    for module in MODULES:
        path = project.packages / module
        (cached,) = (project.cache / "packages").rglob(module.replace(MUSL, GNU))
        assert path.is_symlink() == (method == "symlink")
        assert os.path.samefile(path, cached) == (method != "copy")
        assert not list(cached.parent.glob(f"*{MUSL}"))


@pytest.mark.parametrize("method", [None, "copy", "symlink", "hardlink"])
def test_pdm_gives_a_second_name(pdm_project: Project, tmp_path: Path, method: str | None) -> None:
    project = pdm_project
    configure(project, method)
    empty = project.installed()
    # opened by ctypes under EXT_SUFFIX: no module, and both names are there afterwards
    library = shared_object(X86_64, needed=["libc.musl-x86_64.so.1"], symbols=["work"])
    made = make_wheel(
        tmp_path,
        {f"example/lib{GNU}": library, "example/__init__.py": ""},
        tags=MUSL_TAGS,
        metadata="Requires-Dist: markupsafe==3.0.4\n",
    )
    index = re.search(r'url = "(.*)"', (tmp_path / "pyproject.toml").read_text("utf-8"))
    assert index
    project.write(index[1], [f"example @ file://{made}"])
    project.succeed("lock", plugin=False)
    assert "wheelfix: example 1.0: 1 duplicated\n" in project.succeed("install")
    for suffix in (GNU, MUSL):
        assert (project.packages / f"example/lib{suffix}").read_bytes() == library
    information = project.packages / "example-1.0.dist-info"
    assert (information / "direct_url.json").exists()
    assert (information / "REQUESTED").exists()
    assert not (project.packages / "markupsafe-3.0.4.dist-info" / "REQUESTED").exists()
    project.succeed("remove", "example")
    assert project.installed() == empty


@pytest.mark.parametrize("method", [None, "symlink"])
def test_pdm_says_why_it_refuses(
    pdm_project: Project, wheel: WheelFactory, tmp_path: Path, method: str | None
) -> None:
    project = pdm_project
    configure(project, method)
    before = project.installed()
    bad = glibc_code_in_a_musl_wheel(wheel, tmp_path / "bad")
    with serve([bad, wheel(PSYCOPG)], tmp_path / "bad-index") as index:
        project.write(index, ["markupsafe==3.0.4", "psycopg==3.0.4"])
        project.succeed("lock", plugin=False)
        said = project.fail("install")
    assert "[RefusedError]: wheelfix: WF202 " in said
    assert f"markupsafe/_speedups{GNU}: " in said
    assert "Traceback" not in said
    # of the other wheel nothing is there either
    assert project.installed() == before


def test_pdm_keeps_the_old_version_where_the_new_one_is_refused(
    pdm_project: Project, wheel: WheelFactory, tmp_path: Path
) -> None:
    project = pdm_project
    configure(project, None)
    old = make_wheel(tmp_path, {"markupsafe/__init__.py": ""}, name="markupsafe", version="2.0")
    bad = glibc_code_in_a_musl_wheel(wheel, tmp_path / "bad")
    with serve([bad, old], tmp_path / "two") as index:
        project.write(index, ["markupsafe==2.0"])
        project.succeed("install")
        before = project.installed()
        project.write(index, ["markupsafe==3.0.4"])
        project.succeed("lock", plugin=False)
        assert "WF202" in project.fail("sync")
    assert project.installed() == before


def test_pdm_still_holds_a_wheel_against_the_lock(pdm_project: Project, tmp_path: Path) -> None:
    project = replace(pdm_project, cache=tmp_path / "own-cache")
    shutil.copytree(pdm_project.cache / ".compat_libs", project.cache / ".compat_libs")
    configure(project, None)
    before = project.installed()
    with serve([make_wheel(tmp_path, {"example.py": ""})], tmp_path / "locked") as index:
        project.write(index, ["example==1.0"])
        project.succeed("lock", plugin=False)
        exchange(project, tmp_path / "locked")
        assert "HashMismatchError" in project.fail("sync")
    assert project.installed() == before


def test_pdm_tells_of_other_failures_itself(pdm_project: Project, tmp_path: Path) -> None:
    project = pdm_project
    configure(project, None)
    made = make_wheel(tmp_path, {"gone.py": ""}, name="gone")
    with serve([made], tmp_path / "gone-index") as index:
        project.write(index, ["gone==1.0"])
        project.succeed("lock", plugin=False)
        (tmp_path / "gone-index" / "simple" / "gone" / made.name).unlink()
        said = project.fail("install", "--no-lock")
    assert "Install gone 1.0 failed" in said
    assert "RefusedError" not in said


def test_pdm_tells_of_what_cannot_be_built(pdm_project: Project, tmp_path: Path) -> None:
    project = pdm_project
    configure(project, None)
    broken = tmp_path / "broken"
    broken.mkdir()
    text = (
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "broken"\nversion = "1.0"\n'
    )
    (broken / "pyproject.toml").write_text(text, "utf-8")
    (broken / "backend.py").write_text("def build_wheel(*_, **__): raise SystemExit(3)\n", "utf-8")
    project.write("http://127.0.0.1:1/simple", [f"broken @ file://{broken}"])
    project.succeed("lock", plugin=False)
    said = project.fail("install")
    assert "[BuildError]: " in said


def test_pdm_only_looks_ahead(pdm_project: Project) -> None:
    configure(pdm_project, None)
    pdm_project.succeed("lock", plugin=False)
    before = pdm_project.installed()
    assert "Looking at the wheels" not in pdm_project.succeed("install", "--dry-run")
    assert pdm_project.installed() == before


def test_pdm_leaves_it_to_uv_and_says_so(pdm_project: Project) -> None:
    project = pdm_project
    configure(project, None)
    project.succeed("lock", plugin=False)
    (project.folder / "pdm.toml").write_text("use_uv = true\n", "utf-8")
    said = " ".join(project.run("sync").stdout.split())
    assert (
        "wheelfix: with use_uv, PDM's plugins see no wheel; run `wheelfix fix` afterwards." in said
    )


def test_what_the_plugin_needs_of_pdm(each_pdm: Tool, tmp_path: Path) -> None:
    """Says which name of which version is gone, if one is."""
    code = """
import inspect
from pdm.__version__ import __version__
from pdm.core import Core
from pdm.installers import InstallManager, Synchronizer, installers
from pdm.project import Project
from pdm import exceptions, signals, utils

missing = [
    f"{getattr(owner, '__name__', owner)}.{name}"
    for owner, names in (
        (Core, ["install_manager_class"]),
        (InstallManager, ["install"]),
        (Synchronizer, ["synchronize", "compare_with_working_set", "manager", "candidates"]),
        (installers, ["InstallDestination", "PackageWheelSource", "WheelFile", "install"]),
        (exceptions, ["BuildError", "PdmUsageError"]),
        (signals, ["pre_install"]),
        (utils, ["fs_supports_link_method"]),
    )
    for name in names
    if not hasattr(owner, name)
]
core = Core()
if core.create_project(".").get_synchronizer().__name__ != "RepairingSynchronizer":
    missing.append("Core.synchronizer_class")
if missing:
    raise SystemExit(f"PDM {__version__} no longer has {', '.join(missing)}")
"""
    done = each_pdm.run_code(code, folder=tmp_path)
    assert done.returncode == 0, done.stdout
