"""How many files a call with many wheels may have open."""

from __future__ import annotations

import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.wheel_maker import make_wheel
from wheelfix.cli._open_files import allow_open_wheels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


INSTALLED = """
import resource, sys
from wheelfix.cli import main
resource.setrlimit(resource.RLIMIT_NOFILE, (100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
sys.exit(main(sys.argv[1:]))
"""


def run(code: str, *arguments: object) -> str:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def hard() -> Iterator[int]:
    """Give the hard limit; the soft one is as before afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("soft", "wheels", "raised"),
    [(200, 50, 200), (200, 150, 400), (500, 150, 500), (200, sys.maxsize // 4, None)],
)
def test_the_soft_limit_is_raised_as_far_as_it_must(
    soft: int, wheels: int, raised: int | None, hard: int
) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    allow_open_wheels(wheels)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (raised or hard, hard)


def test_more_wheels_than_files_may_be_open(tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path, {f"p{n}.py": ""}, name=f"p{n}") for n in range(101)]
    folder = tmp_path / "folder"
    run(INSTALLED, "install", "--no-compile-bytecode", "--target", folder, *wheels)
    assert {f"p{n}.py" for n in range(101)} < {each.name for each in folder.iterdir()}
    run(INSTALLED, "repair", "-w", tmp_path / "new", *wheels)
    assert len(list((tmp_path / "new").iterdir())) == 101
