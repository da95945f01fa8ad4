"""Given the variables and the folder: which environment is meant."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from support.environment_maker import make_virtual_environment
from wheelfix import codes
from wheelfix.environments import choose_environment
from wheelfix.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def make_venv(folder: Path) -> Path:
    make_virtual_environment(folder)
    return folder


def test_virtual_env_comes_first(tmp_path: Path) -> None:
    named = make_venv(tmp_path / "named")
    make_venv(tmp_path / ".venv")
    chosen = choose_environment({"VIRTUAL_ENV": str(named)}, str(tmp_path))
    assert chosen.reason == "VIRTUAL_ENV"
    assert chosen.target.prefix == str(named)


@pytest.mark.parametrize("variables", [{}, {"VIRTUAL_ENV": ""}])
def test_then_the_one_in_the_folder(variables: Mapping[str, str], tmp_path: Path) -> None:
    beside = make_venv(tmp_path / ".venv")
    chosen = choose_environment(variables, str(tmp_path))
    assert chosen.reason == "./.venv"
    assert chosen.target.prefix == str(beside)


def test_then_the_running_one(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    chosen = choose_environment({}, str(tmp_path))
    assert chosen.reason == "the running interpreter"
    assert chosen.target.prefix == sys.prefix


def test_virtual_env_of_the_running_interpreter(tmp_path: Path) -> None:
    chosen = choose_environment({"VIRTUAL_ENV": sys.prefix}, str(tmp_path))
    assert chosen.reason == "VIRTUAL_ENV"
    assert chosen.target.prefix == sys.prefix


def test_virtual_env_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentRefusedError) as caught:
        choose_environment({"VIRTUAL_ENV": str(tmp_path / "gone")}, str(tmp_path))
    assert caught.value.code is codes.CANNOT_ASK
    assert "VIRTUAL_ENV names it" in str(caught.value)


@pytest.mark.parametrize(
    ("prefix", "file", "variable", "reason"),
    [
        ("tools/thing", "tools/thing/uv-receipt.toml", None, "it holds uv-receipt.toml"),
        ("venvs/thing", "venvs/thing/pipx_metadata.json", None, "it holds pipx_metadata.json"),
        ("tools/thing", "other", "UV_TOOL_DIR=tools", "it lies in UV_TOOL_DIR"),
        ("cache/any/x", "other", "UV_CACHE_DIR=cache", "it lies in UV_CACHE_DIR"),
        ("pipx/venvs/x", "other", "PIPX_HOME=pipx", "it lies in PIPX_HOME"),
        ("uv/archive-v0/x1", "uv/CACHEDIR.TAG", None, "it lies in the cache"),
        ("uv/environments-v2/x1", "uv/CACHEDIR.TAG", None, "it lies in the cache"),
        ("uv/builds-v0/.tmp1", "uv/CACHEDIR.TAG", None, "it lies in the cache"),
        # no tool's
        ("uv/archive-v0/x1", "other", None, None),
        ("uv/x1", "uv/CACHEDIR.TAG", None, None),
        ("venv", "venv/CACHEDIR.TAG", "PIPX_HOME=ven", None),
        ("venv", "other", "PIPX_HOME=", None),
    ],
)
def test_environments_of_tools(
    tmp_path: Path, prefix: str, file: str, variable: str | None, reason: str | None
) -> None:
    folder = make_venv(tmp_path / prefix)
    (tmp_path / file).write_text("", "ascii")
    name, _, below = (variable or "OTHER=other").partition("=")
    variables = {name: str(tmp_path / below) if below else "", "VIRTUAL_ENV": str(folder)}
    if reason is None:
        assert choose_environment(variables, str(tmp_path)).target.prefix == str(folder)
        return
    with pytest.raises(EnvironmentRefusedError) as caught:
        choose_environment(variables, str(tmp_path))
    (finding,) = caught.value.findings
    assert finding.code is codes.TOOL_ENVIRONMENT
    assert finding.subject == str(folder)
    assert reason in finding.sentence


@pytest.mark.parametrize("names_itself", [False, True])
def test_a_tool_that_runs_this(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names_itself: bool,  # noqa: FBT001 - one column of the table
) -> None:
    folder = make_venv(tmp_path / "tool")
    (folder / "pipx_metadata.json").touch()
    monkeypatch.setattr(sys, "prefix", str(folder))
    # as `uv run --with` sets it
    variables = {"VIRTUAL_ENV": str(folder)} if names_itself else {}
    with pytest.raises(EnvironmentRefusedError) as caught:
        choose_environment(variables, str(tmp_path))
    assert caught.value.code is codes.TOOL_ENVIRONMENT
    make_venv(tmp_path / ".venv")
    # the one beside is no tool's
    assert choose_environment(variables, str(tmp_path)).reason == "./.venv"
