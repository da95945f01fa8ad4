"""A large call's forked processes: whatever happens to the parent, the old tree or the new one, and nobody left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from support.not_here import not_here
from support.trees import tree
from support.wheel_maker import make_wheel

if TYPE_CHECKING:
    from pathlib import Path

    Tree = dict[str, tuple[str, int, bytes]]

pytestmark = pytest.mark.faults

#: so many files are worth processes, whatever their size
FILES = 5000


def make_files(folder: Path, version: str) -> Path:
    files = {f"example/part{i % 50}/file{i}.txt": f"{version} {i}\n" * 50 for i in range(FILES)}
    return make_wheel(folder, files, version=version)


def install(wheel: Path, site: Path, *words: str) -> list[str]:
    command = [sys.executable, "-m", "wheelfix", "install", "--no-compile-bytecode", "--upgrade"]
    return [*command, *words, "--target", str(site), str(wheel)]


def children_of(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except FileNotFoundError:
        return []


def wait_for_children(process: subprocess.Popen[bytes]) -> list[int]:
    while process.poll() is None:
        children = children_of(process.pid)
        if len(children) > 1:
            return children
        time.sleep(0.001)
    return []


@pytest.fixture(scope="module", autouse=True)
def _several_processors() -> None:
    if not sys.platform.startswith("linux") or len(os.sched_getaffinity(0)) == 1:
        not_here("one processor, or a system where nothing is forked")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("wheels")
    return [make_files(folder, version) for version in ("1.0", "2.0")]


@pytest.fixture(scope="module")
def trees(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Tree]:
    found = []
    for wheel in wheels:
        folder = tmp_path_factory.mktemp("whole")
        subprocess.run(install(wheel, folder), check=True, stdout=subprocess.DEVNULL)
        found.append(tree(folder))
    return found


@pytest.fixture
def old(wheels: list[Path], tmp_path: Path) -> Path:
    site = tmp_path / "site"
    subprocess.run(install(wheels[0], site), check=True, stdout=subprocess.DEVNULL)
    return site


@pytest.mark.parametrize("delay", [0, 0.02, 0.05, 0.1, 0.2, 0.4])
def test_a_parent_that_is_killed(
    delay: float, old: Path, wheels: list[Path], trees: list[Tree]
) -> None:
    process = subprocess.Popen(install(wheels[1], old), stdout=subprocess.DEVNULL)
    children = wait_for_children(process)
    assert len(children) > 1
    time.sleep(delay)
    process.kill()
    process.wait()
    # waits for the processes that still write
    recover = [sys.executable, "-m", "wheelfix", "recover", "--target", str(old)]
    subprocess.run(recover, check=True, stdout=subprocess.DEVNULL)
    assert tree(old) in trees
    assert not [child for child in children if os.path.exists(f"/proc/{child}/exe")]


@pytest.mark.parametrize(
    ("number", "to_all", "status"),
    [(signal.SIGINT, True, 130), (signal.SIGINT, False, 130), (signal.SIGTERM, False, 143)],
)
def test_a_call_that_is_interrupted(
    number: int, status: int, old: Path, wheels: list[Path], trees: list[Tree], *, to_all: bool
) -> None:
    process = subprocess.Popen(
        install(wheels[1], old),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    children = wait_for_children(process)
    assert len(children) > 1
    if to_all:
        # as a terminal does
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == status, errors
    assert b"Traceback" not in errors
    assert tree(old) == trees[0]
    assert not [child for child in children if os.path.exists(f"/proc/{child}/exe")]


def test_a_process_that_is_killed(old: Path, wheels: list[Path], trees: list[Tree]) -> None:
    process = subprocess.Popen(
        install(wheels[1], old), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    children = wait_for_children(process)
    os.kill(children[0], signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert b"WF506" in errors
    assert b"ended by signal 9" in errors
    assert tree(old) == trees[0]
