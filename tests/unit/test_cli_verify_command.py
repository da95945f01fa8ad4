from __future__ import annotations

import json
import os
from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING

import pytest

from support.environment_maker import make_virtual_environment
from support.installed_maker import make_installed
from wheelfix import codes
from wheelfix.cli import main, verify

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A virtual environment with two distributions."""
    site = make_virtual_environment(tmp_path / "app")
    make_installed(site, {"one/__init__.py": "", "one/data": "data"}, name="one")
    make_installed(site, {"two.py": ""}, name="two", version="2.0")
    return tmp_path / "app"


@pytest.fixture
def site(app: Path) -> Path:
    return next(app.glob("lib/python*/site-packages"))


def run(*arguments: str | Path) -> int:
    return main(["verify", *map(str, arguments)])


def test_all_is_well(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--python", app) == 0
    said = capsys.readouterr()
    first, *rest = said.out.splitlines()
    assert first.startswith(f"environment: {app} (cpython ")
    assert rest == ["2 distributions, 7 files as installed; 0 errors, 0 warnings, 0 notes"]
    assert said.err == ""


def test_what_is_found(app: Path, site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (site / "one/__init__.py").unlink()
    (site / "one/mine").touch()
    assert run("--python", app) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "one 1.0",
        "  error: WF616 one/__init__.py: it isn't there",
        f"    {codes.FILE_MISSING.next_step} More: wheelfix explain WF616",
        "  warning: WF618 one/mine: no RECORD lists it",
        "2 distributions, 6 files as installed; 1 error, 1 warning, 0 notes",
    ]


def test_warnings_count_if_they_are_asked_to(app: Path, site: Path) -> None:
    (site / "one/mine").touch()
    assert run("--python", app) == 0
    assert run("--python", app, "--strict") == 1
    assert run("--python", app, "--strict", "two") == 0


def test_json(app: Path, site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--python", app, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "sound"
    (site / "one/data").write_bytes(b"atad")
    assert run("--python", app, "--format", "json") == 1
    report = json.loads(capsys.readouterr().out)
    assert list(report) == ["schema", "target", "named_by", "sites", "outcome", "distributions"]
    assert (report["schema"], report["outcome"], report["named_by"]) == (1, "unsound", "--python")
    assert report["sites"] == [str(site)]
    one, two = report["distributions"]
    assert [each["code"] for each in one["findings"]] == ["WF617"]
    assert two == {"distribution": "two", "version": "2.0", "files": 3, "findings": []}


def test_a_name_that_is_not_installed(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--python", app, "absent") == 1
    assert "WF621 absent: it is not in " in capsys.readouterr().err


@pytest.mark.parametrize("count", [None, 1, 3])
def test_with_as_many_processes_as_there_are_processors(
    app: Path,
    count: int | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if count is None:
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    else:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(count)), raising=False)
    assert run("--python", app) == 0
    assert "7 files as installed" in capsys.readouterr().out


def test_a_process_that_is_ended(
    app: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise BrokenExecutor

    monkeypatch.setattr(verify, "verify_environment", fail)
    assert run("--python", app) == 1
    assert "a process that read files was ended" in capsys.readouterr().err
