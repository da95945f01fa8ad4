"""What a small install loads, and when."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.wheel_maker import make_wheel

if TYPE_CHECKING:
    from pathlib import Path

# Runs a command line and prints the modules that it loaded.
LOADED = """
import sys
from wheelfix.cli import main
status = main(sys.argv[1:])
print(*sys.modules)
sys.exit(status)
"""

# Runs a command line and prints "committed" once the journal counts, after which files come to their final places,
# then each module that is imported after that. (PEP 578: "import" comes for what isn't loaded yet.)
LATE_IMPORTS = """
import os, sys

seen = []

def watch(event, details):
    if event == "os.rename" and os.path.basename(str(details[1])) == "journal":
        seen.append("committed")
    if event == "import" and seen:
        seen.append(details[0])

sys.addaudithook(watch)
from wheelfix.cli import main
status = main(sys.argv[1:])
print(*seen)
sys.exit(status)
"""


def _run(code: str, *arguments: str | Path) -> list[str]:
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


@pytest.fixture
def pure_wheel(tmp_path: Path) -> Path:
    return make_wheel(
        tmp_path,
        {"example/__init__.py": "", "example-1.0.data/scripts/example-file": "#!python\n"},
        entry_points="[console_scripts]\nexample = example:main\n",
    )


@pytest.mark.parametrize("flags", [(), ("--no-compile-bytecode",), ("--validate-record", "all")])
def test_what_a_pure_wheel_does_not_need_is_not_loaded(
    flags: tuple[str, ...], pure_wheel: Path, tmp_path: Path
) -> None:
    loaded = _run(LOADED, "install", *flags, "--destdir", tmp_path / "root", pure_wheel)
    assert {"wheelfix.installing", "installer"} <= {*loaded}
    packages = {module.partition(".")[0] for module in loaded}
    # (the site packages' .pth files, which are not ours, may load some of the standard library)
    assert packages.isdisjoint({"elftools", "packaging", "wheel", "subprocess"})
    rooms = {"elf", "naming", "platforms", "planning._table", "targets.asking", "cli.target"}
    assert {f"wheelfix.{room}" for room in rooms}.isdisjoint(loaded)


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--no-compile-bytecode",),
        ("--report", "{folder}/report.json"),
        ("--report", "{folder}/report.json", "--no-compile-bytecode"),
        # (not sys.executable by name, so the bytecode is made by a process of its own)
        ("--python", "{folder}/python"),
        ("--overwrite-existing", "--validate-record", "all"),
    ],
)
def test_nothing_is_imported_once_files_come_to_their_places(
    flags: tuple[str, ...], pure_wheel: Path, tmp_path: Path
) -> None:
    # a wheel's scripts lie where sys.path begins for the script `wheelfix`: theirs could be what is imported
    root = tmp_path / "root"
    (tmp_path / "python").symlink_to(sys.executable)
    named = [flag.format(folder=tmp_path) for flag in flags]
    for _ in range(2 if "--overwrite-existing" in flags else 1):
        seen = _run(LATE_IMPORTS, "install", *named, "--destdir", root, pure_wheel)
        assert seen == ["committed"]
