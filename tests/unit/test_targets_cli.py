from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

import pytest

from wheelfix.cli.target import add_parser, run
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.targets import _facts
from wheelfix.targets.running import running_target

if TYPE_CHECKING:
    from pathlib import Path


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="wheelfix")
    add_parser(parser.add_subparsers())
    return parser.parse_args(["target", *arguments])


def test_json_of_one_target_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    args = parse("--format", "json")
    assert args.run is run
    assert run(args) == 0
    assert json.loads(capsys.readouterr().out) == running_target().to_json()


def test_json_of_several_targets_is_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(parse("--python", sys.executable, "--python", sys.prefix, "--format=json")) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["executable"] == sys.executable
    assert first["soabi"] == second["soabi"]


def test_text_names_each_fact_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(parse()) == 0
    lines = capsys.readouterr().out.splitlines()
    target = running_target()
    assert f"version: {target.version}  (sys.version_info)" in lines
    assert f"SOABI: {target.soabi}  (sysconfig SOABI)" in lines
    assert f"  purelib: {target.paths['purelib']}" in lines
    assert "loads extension modules: yes" in [line.partition("  (")[0] for line in lines]
    assert any(line.startswith(f"architecture: {target.architecture}  (ELF") for line in lines)
    (tags,) = (line for line in lines if line.startswith("tags: "))
    assert tags.startswith(f"tags: {target.tags[0]}, ")
    assert f" and {len(target.tags) - 3} more" in tags


def test_text_of_a_target_that_lacks_much(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {**_facts.collect(None, None), "extension_suffixes": [], "soabi": None}
    answers = tmp_path / "python"
    answers.write_text(f"#!/bin/sh\ncat <<'END'\n{_facts.MARKER}\n{json.dumps(given)}\nEND\n")
    answers.chmod(0o755)
    assert run(parse("--python", str(answers))) == 0
    lines = [line.partition("  (")[0] for line in capsys.readouterr().out.splitlines()]
    assert "SOABI: none" in lines
    assert "extension suffixes: none" in lines
    assert "loads extension modules: no" in lines


def test_nothing_is_printed_if_one_cannot_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EnvironmentRefusedError):
        run(parse("--python", sys.executable, "--python", "folder/that/is/missing"))
    assert capsys.readouterr().out == ""


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("--help")
    assert "wheelfix target --python .venv" in capsys.readouterr().out
