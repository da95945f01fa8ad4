"""README's examples for cibuildwheel, tox and CI, carried out by the real tools where they can be."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.pyz import dependency_wheels
from support.tool_environments import own_wheel, tool_environment
from support.wheel_maker import make_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.interpreters import InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

DOCUMENTED = Path(__file__).parent.parent / "data" / "documented"
PSYCOPG = "psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl"
PSYCOPG_PURE = "psycopg-3.0.4-py3-none-any.whl"
# initial-exec TLS: musl loads it nowhere
CACHEBOX = "cachebox-5.2.0-cp312-cp312-musllinux_1_2_x86_64.whl"


def environment(**variables: str | Path) -> dict[str, str]:
    """Give this process's environment without what would steer a tool; pip has no index."""
    prefixes = ("PIP_", "PYTHON", "TOX_", "UV_", "VIRTUAL_ENV", "COV", "CIBW_", "GITHUB_")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(prefixes)}
    fixed = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    return {**kept, **fixed, **{name: str(value) for name, value in variables.items()}}


@pytest.fixture
def commands(pyz: Path, tmp_path: Path) -> Path:
    """Make a folder for PATH, with the command wheelfix."""
    folder = tmp_path / "commands"
    folder.mkdir()
    shutil.copy(pyz, folder / "wheelfix")
    return folder


class TestCibuildwheel:
    """Version 4.0.0 is the first that has audit-command.

    Its audit of one wheel runs as it does after a build; builds for Linux need a container engine.
    """

    AUDIT = """
import sys
from pathlib import Path
from cibuildwheel.audit import run_audit
from cibuildwheel.options import CommandLineArguments, compute_options

arguments = CommandLineArguments.defaults()
arguments.platform = "linux"
arguments.package_dir = Path(sys.argv[1])
options = compute_options("linux", arguments, {}).build_options("cp312-musllinux_x86_64")
run_audit(tmp_dir=Path(sys.argv[2]), build_options=options, wheel=Path(sys.argv[3]))
"""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        folder = tmp_path / "project"
        folder.mkdir()
        shutil.copy(DOCUMENTED / "cibuildwheel.toml", folder / "pyproject.toml")
        return folder

    @pytest.fixture
    def given_wheels(self, tmp_path: Path) -> Path:
        """What pip finds for audit-requires."""
        folder = tmp_path / "given"
        folder.mkdir()
        own_wheel(folder)
        for each in dependency_wheels():
            shutil.copy(each, folder)
        return folder

    @pytest.mark.parametrize(
        ("file", "told"),
        [
            (PSYCOPG, "renamed on 2: alpine-3.14-python3-before-fallback"),
            (CACHEBOX, "error: WF305 cachebox/_core.cpython-312-x86_64-linux-musl.so"),
        ],
    )
    def test_the_audit_of_a_wheel(
        self,
        file: str,
        told: str,
        project: Path,
        given_wheels: Path,
        wheel: WheelFactory,
    ) -> None:
        python = tool_environment("cibuildwheel==4.0.0") / "bin/python"
        # cibuildwheel takes an environment that is there; else it downloads virtualenv for one
        subprocess.run([python, "-m", "venv", project.parent / "audit_venv"], check=True)
        temporary = project.parent
        audit: list[str | Path] = [python, "-c", self.AUDIT, project, temporary, wheel(file)]
        variables = environment(PIP_FIND_LINKS=given_wheels)
        run = subprocess.run(audit, check=False, capture_output=True, text=True, env=variables)
        assert run.returncode == (file == CACHEBOX), run.stdout + run.stderr
        assert f"Running audit command: wheelfix check {wheel(file)}" in run.stdout
        assert told in run.stdout
        assert ("AuditCommandFailedError" in run.stderr) == (file == CACHEBOX)


class TestTox:
    PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "project"
version = "1.0"
dependencies = ["psycopg[binary]==3.0.4"]
"""
    BACKEND = """\
import shutil

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return shutil.copy("given/project-1.0-py3-none-any.whl", wheel_directory).rpartition("/")[2]
"""
    # what stands in README comes first, and its section goes on
    REST = """\
package = wheel
wheel_build_env = .pkg
commands =
    python -I -c "import psycopg, project; print('it is', psycopg.pq.__impl__)"
"""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        folder = tmp_path / "project"
        (folder / "given").mkdir(parents=True)
        (folder / "pyproject.toml").write_text(self.PYPROJECT)
        (folder / "backend.py").write_text(self.BACKEND)
        wanted = "Requires-Dist: psycopg[binary]==3.0.4\n"
        make_wheel(folder / "given", {"project.py": ""}, name="project", metadata=wanted)
        return folder

    def run(
        self, project: Path, settings: str, python: Path, variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        (project / "tox.ini").write_text(settings + self.REST)
        command = [str(tool_environment("tox==4.67.13") / "bin/tox"), "run", "-e", "py"]
        command += ["--colored", "no", "--override", f"testenv.base_python={python}"]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=project, env=variables
        )

    @pytest.fixture
    def variables(self, commands: Path, wheel: WheelFactory, tmp_path: Path) -> Mapping[str, str]:
        given = tmp_path / "given"
        given.mkdir()
        for file in (PSYCOPG, PSYCOPG_PURE):
            shutil.copy(wheel(file), given)
        path = os.pathsep.join([str(commands), os.environ["PATH"]])
        return environment(PATH=path, PIP_FIND_LINKS=given)

    def test_what_it_installs_is_mended(
        self, project: Path, variables: Mapping[str, str], interpreter: InterpreterFactory
    ) -> None:
        settings = (DOCUMENTED / "tox.ini").read_text("utf-8")
        python = interpreter("cp39-musl").executable
        run = self.run(project, settings, python, variables)
        assert run.returncode == 0, run.stdout + run.stderr
        assert "it is binary" in run.stdout

    def test_what_plain_tox_installs_does_not_import(
        self, project: Path, variables: Mapping[str, str], interpreter: InterpreterFactory
    ) -> None:
        python = interpreter("cp39-musl").executable
        run = self.run(project, "[testenv]\n", python, variables)
        assert run.returncode == 1, run.stdout + run.stderr
        assert "cannot import name 'pq' from 'psycopg_binary'" in run.stdout + run.stderr


class TestPublish:
    """A step of a CI workflow, before the one that uploads."""

    @pytest.fixture
    def command(self) -> str:
        text = (DOCUMENTED / "publish.yml").read_text("utf-8")
        found = re.search(r"^  run: (.*)$", text, re.MULTILINE)
        assert found is not None
        assert found.end() < text.index("publish@")
        return found[1]

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "job/dist").mkdir(parents=True)
        return tmp_path / "job"

    def run(self, command: str, folder: Path, commands: Path) -> subprocess.CompletedProcess[str]:
        # as GitHub runs a step's command where no shell is named
        shell = ["bash", "-e", "-c", command]
        path = os.pathsep.join([str(commands), os.path.dirname(sys.executable), os.environ["PATH"]])
        return subprocess.run(
            shell,
            check=False,
            capture_output=True,
            text=True,
            cwd=folder,
            env=environment(PATH=path, GITHUB_ACTIONS="true"),
        )

    def test_wheels_that_import(
        self, command: str, folder: Path, commands: Path, wheel: WheelFactory
    ) -> None:
        for file in (PSYCOPG, PSYCOPG_PURE):
            shutil.copy(wheel(file), folder / "dist")
        run = self.run(command, folder, commands)
        assert (run.returncode, run.stderr) == (0, "")
        assert "::notice" in run.stdout
        assert "::error" not in run.stdout

    def test_a_wheel_that_does_not(
        self, command: str, folder: Path, commands: Path, wheel: WheelFactory
    ) -> None:
        shutil.copy(wheel(CACHEBOX), folder / "dist")
        run = self.run(command, folder, commands)
        assert run.returncode == 1
        assert "::error" in run.stdout
        assert "WF305" in run.stdout

    def test_a_warning_is_enough(self, command: str, folder: Path, commands: Path) -> None:
        make_wheel(folder / "dist", {"example.py": ""}, wheel_fields={"Wheel-Version": "1.9"})
        run = self.run(command, folder, commands)
        assert run.returncode == 1
        assert "::warning" in run.stdout
