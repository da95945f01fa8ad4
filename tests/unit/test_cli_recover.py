from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

import pytest

from support.trees import tree
from wheelfix.cli import main
from wheelfix.transactions import STAGING_NAME, Rank, Transaction

if TYPE_CHECKING:
    from pathlib import Path


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    return folder


def leave_uncommitted(app: Path) -> None:
    """Leave what a call leaves that is killed before its commit."""
    process = os.fork()
    if process == 0:
        transaction = Transaction([str(app)])
        transaction.__enter__()
        with open(transaction.stage(f"{app}/new.py", Rank.PACKAGES), "wb"):
            os._exit(0)
    assert os.waitpid(process, 0)[1] == 0
    assert (app / STAGING_NAME).is_dir()


def test_nothing_to_recover_is_told_on_a_terminal_only(
    app: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recover", "--target", str(app)]) == 0
    assert capsys.readouterr() == ("", "")
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["recover", "--target", str(app)]) == 0
    assert out.getvalue() == "nothing to recover\n"


def test_what_is_done_is_told(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_uncommitted(app)
    before = tree(app)
    assert main(["recover", "--target", str(app), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert told == f"WF511 {app / STAGING_NAME}: an earlier call was stopped halfway\n"
    assert tree(app) == before
    assert main(["recover", "--target", str(app)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"WF511 {app}: an earlier call was stopped")
    assert said.err == ""
    assert tree(app) == {}


def test_another_users_leftovers_are_refused(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (app / STAGING_NAME).mkdir(mode=0o755)
    assert main(["recover", "--target", str(app)]) == 1
    said = capsys.readouterr().err
    assert f"wheelfix: error: WF512 {app / STAGING_NAME}: " in said
    assert (app / STAGING_NAME).is_dir()


def test_a_call_at_work_is_waited_for(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Transaction([str(app)]):
        assert main(["recover", "--target", str(app), "--wait", "0"]) == 1
    assert "error: WF510 " in capsys.readouterr().err


def test_every_place_flag_is_known(tmp_path: Path) -> None:
    place = ["--python", sys.executable, "--destdir", str(tmp_path), "--prefix", "/usr"]
    assert main(["recover", *place, "--scripts", "/opt/bin"]) == 0


@pytest.mark.parametrize(
    "arguments", [("name",), ("--target", "x", "--prefix", "y"), ("--durable",)]
)
def test_wrong_usage_is_told(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["recover", *arguments])
    assert ended.value.code == 2
    assert "usage: wheelfix" in capsys.readouterr().err


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["recover", "--help"])
    assert ended.value.code == 0
    assert "wheelfix recover --python .venv" in capsys.readouterr().out
