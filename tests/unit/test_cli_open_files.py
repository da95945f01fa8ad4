"""How many files a call with many wheels may have open."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.wheel_maker import make_wheel

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("resource", reason="Windows has no such limits")

LIMITED = """
import resource, sys
from wheelfix.cli._open_files import allow_open_wheels
resource.setrlimit(resource.RLIMIT_NOFILE, tuple(map(int, sys.argv[1:3])))
allow_open_wheels(int(sys.argv[3]))
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""
INSTALLED = """
import resource, sys
from wheelfix.cli import main
resource.setrlimit(resource.RLIMIT_NOFILE, (100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
sys.exit(main(sys.argv[1:]))
"""


def run(code: str, *arguments: object) -> str:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("soft", "hard", "wheels", "raised"),
    [
        (200, 900, 50, 200),
        (200, 900, 150, 400),
        (500, 900, 150, 500),
        (200, 300, 150, 300),
        (300, 300, 150, 300),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_it_must(
    soft: int, hard: int, wheels: int, raised: int
) -> None:
    assert run(LIMITED, soft, hard, wheels) == f"{raised} {hard}\n"


def test_more_wheels_than_files_may_be_open(tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path, {f"p{n}.py": ""}, name=f"p{n}") for n in range(101)]
    folder = tmp_path / "folder"
    run(INSTALLED, "install", "--no-compile-bytecode", "--target", folder, *wheels)
    assert {f"p{n}.py" for n in range(101)} < {each.name for each in folder.iterdir()}
    run(INSTALLED, "repair", "-w", tmp_path / "new", *wheels)
    assert len(list((tmp_path / "new").iterdir())) == 101
