from __future__ import annotations

from pathlib import Path

import pytest

from wheelfix.cli import main
from wheelfix.codes import CODES

PAGES = Path(__file__).parents[2] / "data" / "explain"


@pytest.mark.parametrize("code", CODES)
def test_prints_the_page(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", code]) == 0
    printed = capsys.readouterr()
    assert printed.out == (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert printed.err == ""


def test_code_may_be_in_small_letters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "wf101"]) == 0
    assert capsys.readouterr().out.startswith("# WF101: ")


def test_lists_all_codes_without_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(CODES)
    assert lines[0] == f"WF101  note     {CODES['WF101'].reason}"
    assert f"WF201  error    {CODES['WF201'].reason}" in lines


@pytest.mark.parametrize("code", ["WF999", "WF1", "101", "../WF101", ""])
def test_unknown_code_is_wrong_usage(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["explain", code])
    assert exit_.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"there is no code {code!r}; `wheelfix explain` lists them" in printed.err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["explain", "--help"])
    assert exit_.value.code == 0
    assert "wheelfix explain WF101" in capsys.readouterr().out
