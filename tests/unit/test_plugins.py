"""What the plugins do that needs neither Poetry nor PDM; tests/interpreters runs them in the real tools."""

from __future__ import annotations

import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from installer.sources import WheelFile

from support.elf_maker import AARCH64, X86_64, extension_module, shared_object
from support.target_maker import make_target
from support.wheel_maker import make_wheel
from wheelfix import InstallOptions, install_wheels
from wheelfix.errors import EnvironmentRefusedError, WheelRefusedError
from wheelfix.plugins import _shared
from wheelfix.plugins._shared import lines_about, metadata_of, repaired, target_of

if TYPE_CHECKING:
    from pathlib import Path

    from wheelfix import RepairedSource, Target

GNU, MUSL = ".cpython-39-x86_64-linux-gnu.so", ".cpython-39-x86_64-linux-musl.so"
TAGS = "cp39-cp39-musllinux_1_2_x86_64"
MODULE = extension_module("_x", X86_64, libc="musl")
LIBRARY = shared_object(X86_64, needed=["libc.musl-x86_64.so.1"], symbols=["work"])


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Target:
    """Have an interpreter been asked that isn't here."""
    asked = make_target("cp39-musl")
    monkeypatch.setitem(_shared._targets, "musl/python", asked)
    return asked


def source_of(folder: Path, files: dict[str, bytes | str]) -> RepairedSource:
    wheel = make_wheel(folder, files, tags=TAGS)
    return repaired(WheelFile(zipfile.ZipFile(wheel)), "musl/python")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for the interpreter")
def test_an_interpreter_is_asked_once(tmp_path: Path) -> None:
    log, python = tmp_path / "log", tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho asked >> "{log}"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    with ThreadPoolExecutor(4) as pool:
        targets = list(pool.map(target_of, [str(python)] * 8))
    assert log.read_text() == "asked\n"
    assert all(each is targets[0] for each in targets)
    assert targets[0].version.startswith("{}.{}.".format(*sys.version_info))


def test_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(EnvironmentRefusedError, match=r"WF501 .*there is no such file"):
            target_of(str(tmp_path / "python"))


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize(
    ("files", "paths", "lines"),
    [
        ({"a.py": ""}, {"a.py"}, []),
        (
            {f"_x{GNU}": MODULE},
            {f"_x{MUSL}"},
            ["wheelfix: example 1.0: 1 renamed"],
        ),
        (
            {f"lib{GNU}": LIBRARY},
            {f"lib{GNU}", f"lib{MUSL}"},
            ["wheelfix: example 1.0: 1 duplicated"],
        ),
        (
            {f"_x{GNU}": MODULE, f"lib{GNU}": LIBRARY},
            {f"_x{MUSL}", f"lib{GNU}", f"lib{MUSL}"},
            ["wheelfix: example 1.0: 1 duplicated, 1 renamed"],
        ),
    ],
)
def test_names_and_what_is_told(
    tmp_path: Path, files: dict[str, bytes | str], paths: set[str], lines: list[str]
) -> None:
    source = source_of(tmp_path, files)
    given = {row[0] for row, _, _ in source.get_contents()}
    assert {path for path in given if ".dist-info/" not in path} == paths
    assert lines_about(source) == lines


@pytest.mark.usefixtures("target")
def test_warnings_are_told(tmp_path: Path) -> None:
    (line,) = lines_about(source_of(tmp_path, {f"_x{GNU}": b"\x7fELF"}))
    assert line.startswith("wheelfix: example 1.0: WF")
    assert f"_x{GNU}: its header is cut off or damaged" in line


def test_the_same_file_tells_of_changes(tmp_path: Path, target: Target) -> None:
    source = source_of(tmp_path, {f"_x{GNU}": MODULE})
    metadata = metadata_of(source.plan)
    folder = tmp_path / "out"
    wheel = next(tmp_path.glob("*.whl"))
    install_wheels([wheel], [target], options=InstallOptions(flat_folder=str(folder)))
    assert metadata == {
        "wheelfix.json": (folder / "example-1.0.dist-info" / "wheelfix.json").read_bytes()
    }


@pytest.mark.usefixtures("target")
def test_nothing_tells_of_no_change(tmp_path: Path) -> None:
    assert metadata_of(source_of(tmp_path, {"a.py": ""}).plan) == {}


@pytest.mark.usefixtures("target")
def test_what_cannot_work_is_refused(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {f"_x{GNU}": extension_module("_x", AARCH64, libc="musl")}
    with pytest.raises(WheelRefusedError, match="WF"):
        source_of(tmp_path, files)
