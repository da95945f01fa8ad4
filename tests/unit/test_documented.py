"""README shows the very examples that the tests carry out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.dockerfiles import Instruction, read_dockerfile, without_base_images

ROOT = Path(__file__).parent.parent.parent
DOCUMENTED = ROOT / "tests" / "data" / "documented"
LANGUAGES = {"cibuildwheel.toml": "toml", "tox.ini": "ini", "publish.yml": "yaml"}
DOCKERFILES = sorted(DOCUMENTED.glob("*.Dockerfile"))


def blocks(language: str) -> list[str]:
    """Give README's blocks of code in a language."""
    text = (ROOT / "README.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", LANGUAGES)
def test_example(name: str) -> None:
    assert (DOCUMENTED / name).read_text("utf-8") in blocks(LANGUAGES[name])


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_dockerfile(path: Path) -> None:
    """README's has real base images, the tested one has those that stand for them; all else is the same."""
    tested = read_dockerfile(path.read_text("utf-8"))
    shown = [read_dockerfile(block) for block in blocks("dockerfile")]
    assert without_base_images(tested) in [without_base_images(each) for each in shown]
    images = [each.arguments for each in tested if each.name == "FROM"]
    assert all(image.startswith("localhost/") for image in images)
    real = [image[len("localhost/") :] for image in images]
    assert real in [
        [each.arguments for each in instructions if each.name == "FROM"] for instructions in shown
    ]


def test_every_dockerfile_of_readme_is_tested() -> None:
    assert len(blocks("dockerfile")) == len(DOCKERFILES) == 2


def test_no_file_is_forgotten() -> None:
    assert {path.name for path in DOCUMENTED.iterdir()} == {
        *LANGUAGES,
        *(path.name for path in DOCKERFILES),
    }


def test_reading_a_dockerfile() -> None:
    text = "# comment\nFROM a:1 AS build\n\nRUN one && \\\n    two\nCOPY  a b\n"
    read = read_dockerfile(text)
    assert read == [
        Instruction("FROM", "a:1 AS build"),
        Instruction("RUN", "one && two"),
        Instruction("COPY", "a b"),
    ]
    assert without_base_images(read)[0] == Instruction("FROM", "… AS build")
    assert without_base_images(read)[1:] == read[1:]
