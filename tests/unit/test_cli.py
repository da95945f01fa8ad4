from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import runpy
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

import wheelfix
import wheelfix.__main__
from support.wheel_maker import make_wheel
from wheelfix.cli import COMMANDS, main
from wheelfix.codes import CODES
from wheelfix.targets import _facts

if TYPE_CHECKING:
    from collections.abc import Iterator

#: prints more than a pipe or a stream holds
LONG = ["target", "--format", "json", *(["--python", sys.executable] * 3)]


def run_module(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wheelfix", *arguments]
    options = {"stderr": subprocess.PIPE, **more}
    return subprocess.run(command, check=False, text=True, **options)  # type: ignore[call-overload, no-any-return]


# usage


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["instal"], "invalid choice: 'instal'"),
        (["install"], "the following arguments are required: wheel"),
        (["explain", "WF999"], "WF999"),
        (["--nonsense"], "required: COMMAND"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: wheelfix")
    assert words in err


def test_help_names_each_command_and_holds_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert all(f"\n    {command} " in out for command in COMMANDS)
    assert "examples:\n  wheelfix install dist/*.whl\n" in out
    assert "exit status: 0 done, 1 refused, 2 wrong usage, 3 internal error" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_holds_examples(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"examples:\n  wheelfix {command} " in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"wheelfix {wheelfix.__version__}\n"


def test_the_arguments_are_those_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["wheelfix", "explain"])
    assert main() == 0
    assert capsys.readouterr().out.count("\n") == len(CODES)


def test_python_dash_m(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["…/wheelfix/__main__.py", "explain", "WF101"])
    monkeypatch.delitem(sys.modules, "wheelfix.__main__")
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("wheelfix", run_name="__main__", alter_sys=True)
    assert caught.value.code == 0
    assert "WF101" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["…/wheelfix/__main__.py", "install"])
    with pytest.raises(SystemExit):
        runpy.run_module("wheelfix", run_name="__main__", alter_sys=True)
    assert capsys.readouterr().err.startswith("usage: python -m wheelfix install ")


def test_the_script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["wheelfix", "explain"])
    assert wheelfix.__main__.main() == 0
    assert "WF101" in capsys.readouterr().out
    try:
        distribution = importlib.metadata.distribution("wheelfix")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("wheelfix runs from its checkout here and has no scripts")
    (script,) = (each for each in distribution.entry_points if each.group == "console_scripts")
    assert script.name == "wheelfix"
    assert script.load() is wheelfix.__main__.main


def test_only_what_belongs_there_is_installed() -> None:
    try:
        distribution = importlib.metadata.distribution("wheelfix")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("wheelfix runs from its checkout here and is not installed")
    files = [file for file in distribution.files or [] if file.parts[0] == "wheelfix"]
    endings = {file.suffix for file in files if "__pycache__" not in file.parts}
    assert endings == {".py", ".json", ".md", ".typed"}
    tables = {file.name for file in files if file.match("wheelfix/data/*.json")}
    own = {file.name for file in (Path(__file__).parents[2] / "data").glob("*.json")}
    assert tables == own
    assert len(own) >= 8


# exit status


def test_done_is_0() -> None:
    assert run_module("explain", "WF505", stdout=subprocess.PIPE).returncode == 0


def test_refused_is_1_and_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "requests"]) == 1
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert out == ""
    assert first.startswith("wheelfix: error: WF401 requests: 'requests' is no wheel file; ")
    assert second.startswith("  ")
    assert second.endswith("More: wheelfix explain WF401")


def test_internal_error_is_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_options: object) -> NoReturn:
        raise LookupError("a mistake of ours")

    monkeypatch.setattr("wheelfix.cli.explain.run", fail)
    assert main(["explain"]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-2:] == [
        "LookupError: a mistake of ours",
        "wheelfix: internal error, please report the lines above",
    ]


@pytest.mark.parametrize(
    ("signal_name", "status", "word"), [("INT", 130, "interrupted"), ("TERM", 143, "terminated")]
)
def test_a_signal_takes_everything_back(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    signal_name: str,
    status: int,
    word: str,
) -> None:
    """It arrives while another interpreter compiles; the files are written already."""
    python = tmp_path / "python"
    answers = {**_facts.collect(None, None), "executable": str(python)}
    python.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *compile_file*) kill -{signal_name} $PPID; exit 1;; esac\n'
        f"cat <<'END'\n{_facts.MARKER}\n{json.dumps(answers)}\nEND\n"
    )
    python.chmod(0o755)
    wheel = make_wheel(tmp_path, {"pkg/a.py": ""})
    target = tmp_path / "target"
    before = signal.getsignal(signal.SIGTERM)
    arguments = ["install", "--python", str(python), "--target", str(target), str(wheel)]
    assert main(arguments) == status
    assert capsys.readouterr().err == f"wheelfix: {word}\n"
    assert not target.exists()
    assert signal.getsignal(signal.SIGTERM) == before


def test_outside_the_main_thread_signals_are_left_alone(tmp_path: Path) -> None:
    arguments = [
        "install",
        "--target",
        str(tmp_path / "t"),
        str(make_wheel(tmp_path, {"a.py": ""})),
    ]
    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(main, arguments).result() == 0
    assert (tmp_path / "t" / "a.py").exists()


# output that nobody reads, or that can't be written


@contextlib.contextmanager
def standard_output(descriptor: int) -> Iterator[None]:
    """Make a file descriptor standard output (a fixture can't: pytest puts its own in place before the test)."""
    before = sys.stdout
    with os.fdopen(descriptor, "w", encoding="utf-8") as sys.stdout:
        try:
            yield
        finally:
            sys.stdout = before  # noqa: PLW2901 - put back


def closed_pipe() -> contextlib.AbstractContextManager[None]:
    """Make standard output a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    return standard_output(writer)


@pytest.mark.parametrize("arguments", [["explain", "WF101"], LONG], ids=["buffered", "long"])
def test_a_reader_that_has_gone(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with closed_pipe():
        assert main(arguments) == 0
    assert capfd.readouterr() == ("", "")


def test_a_refusal_stays_one_though_nobody_reads_it() -> None:
    with closed_pipe():
        assert main(["install", "--report", "-", "requests"]) == 1


def test_help_that_nobody_reads() -> None:
    with closed_pipe(), pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["explain"], LONG, ["--help"]])
def test_a_real_pipe_that_is_closed(arguments: list[str], unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    reader, writer = os.pipe()
    os.close(reader)
    try:
        run = run_module(*arguments, stdout=writer, env=environment)
    finally:
        os.close(writer)
    assert (run.returncode, run.stderr) == (0, "")


def test_no_standard_output_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        context.setattr(sys, "stdout", None)
        assert main(["explain"]) == 0
    command = f'exec "{sys.executable}" -m wheelfix explain >&-'
    run = subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize(
    ("arguments", "status"), [(["explain"], 1), (["install", "requests", "--report=-"], 1)]
)
def test_a_full_disk_behind_standard_output(
    arguments: list[str],
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with standard_output(os.open("/dev/full", os.O_WRONLY)):
        assert main(arguments) == status
    assert "No space left on device" in capsys.readouterr().err
