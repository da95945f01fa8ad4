"""README's Dockerfiles, built by buildah on roots that stand for their base images, and run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.containers import (
    PIP,
    UV,
    Images,
    add_pip,
    add_python,
    add_uv,
    add_wheels,
    base_root,
)
from support.dockerfiles import read_dockerfile
from support.interpreters import CannotBuildError
from support.not_here import not_here
from support.wheels import DownloadError, fetch

if TYPE_CHECKING:
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

DOCUMENTED = Path(__file__).parent.parent / "data" / "documented"
# Both modules of the second have names that this interpreter doesn't load.
PYTHON = "cp39-musl"
WHEELS = (
    "psycopg-3.0.4-py3-none-any.whl",
    "psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl",
)
REQUIREMENTS = "psycopg[binary]==3.0.4\n"
APPLICATION = "import psycopg\nprint(psycopg.pq.__impl__)\n"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, wheel: WheelFactory) -> Images:
    """Make the images that the Dockerfiles name: python:3.12-alpine, uv's, and Alpine's own."""
    folder = tmp_path_factory.mktemp("images")
    if os.geteuid() != 0:
        not_here("buildah's chroot isolation wants root")
    try:
        images = Images(folder)
        alpine = base_root(folder / "alpine")
        images.add("localhost/alpine:3.23", alpine)
        add_wheels(alpine, [*map(wheel, WHEELS), fetch(PIP)])

        uv = folder / "uv"
        shutil.copytree(alpine, uv, symlinks=True)
        add_uv(uv, fetch(UV))
        # where and under which name `uv python install` puts one
        add_python(uv, PYTHON, "python/cpython-3.9.2-linux-x86_64-musl")
        images.add("localhost/ghcr.io/astral-sh/uv:alpine", uv)

        add_python(alpine, PYTHON, "usr/local")
        add_pip(alpine, fetch(PIP), "3.9")
        images.add("localhost/python:3.12-alpine", alpine)
    except (CannotBuildError, DownloadError) as error:
        not_here(f"no images here: {error}")
    return images


@pytest.fixture
def context(pyz: Path, tmp_path: Path) -> Path:
    shutil.copy(pyz, tmp_path / "wheelfix.pyz")
    (tmp_path / "requirements.txt").write_text(REQUIREMENTS)
    (tmp_path / "yourapp.py").write_text(APPLICATION)
    return tmp_path


@pytest.mark.parametrize("name", ["python-alpine", "uv-alpine"])
class TestStages:
    def test_the_final_image_imports_what_came_under_the_wrong_name(
        self, name: str, images: Images, context: Path
    ) -> None:
        built = images.build(
            f"localhost/{name}", DOCUMENTED / f"{name}.Dockerfile", context, ["PYTHON=3.9"]
        )
        assert built.returncode == 0, built.stdout + built.stderr
        assert "psycopg_binary 3.0.4: installed, 2 renamed" in built.stdout
        run = images.start(f"localhost/{name}")
        assert (run.returncode, run.stdout, run.stderr) == (0, "binary\n", "")
        files = images.files(f"localhost/{name}")
        (information,) = (path for path in files if path.endswith("psycopg_binary-3.0.4.dist-info"))
        # which tells what was renamed; neither the tool is left nor what it has worked with
        assert {path for path in files if "wheelfix" in path} == {f"{information}/wheelfix.json"}
        assert not {path for path in files if path.startswith("wheels")}

    def test_without_wheelfix_it_does_not(self, name: str, images: Images, context: Path) -> None:
        """pip installs the same wheels in the same stage, reports success, and the import fails."""
        text = (DOCUMENTED / f"{name}.Dockerfile").read_text("utf-8")
        pip = f"/wheels/{PIP.file}/pip install --no-index"
        changed = text.replace("/wheelfix.pyz install", pip)
        assert changed != text
        (context / "requirements.txt").write_text(f"{REQUIREMENTS}pip\n")
        (context / "Dockerfile").write_text(changed, "utf-8")
        built = images.build(
            f"localhost/{name}-pip", context / "Dockerfile", context, ["PYTHON=3.9"]
        )
        assert built.returncode == 0, built.stdout + built.stderr
        assert "Successfully installed" in built.stdout
        run = images.start(f"localhost/{name}-pip")
        assert run.returncode == 1
        assert "cannot import name 'pq' from 'psycopg_binary'" in run.stderr

    def test_the_wheels_come_from_the_build_stage(self, name: str) -> None:
        instructions = read_dockerfile((DOCUMENTED / f"{name}.Dockerfile").read_text("utf-8"))
        assert [each.name for each in instructions].count("FROM") == 2
        assert ("COPY", "--from=build /wheels /wheels") in instructions
