from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from support.installed_maker import make_installed
from support.trees import names, tree
from support.wheel_maker import make_wheel
from wheelfix.cli import main
from wheelfix.cli._reports import write_report
from wheelfix.layout import SCHEMES

if TYPE_CHECKING:
    from pathlib import Path


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    make_installed(folder, {"one.py": ""}, name="one")
    make_installed(folder, {"two.py": ""}, name="two", version="2.0")
    return folder


def status_of_usage(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["uninstall", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_piped_nothing_is_said(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["uninstall", "--target", str(app), "--yes", "one", "two"]) == 0
    assert names(tree(app)) == set()
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_each_distribution_has_a_line(
    app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Terminal()
    make_installed(app, {}, name="bare", installer=None, record=b"bare-1.0.dist-info/RECORD,,\n")
    (app / "bare-1.0.dist-info/METADATA").unlink()
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["uninstall", "--target", str(app), "one", "bare"]) == 0
    assert out.getvalue() == "one 1.0: removed, 4 files\nbare 1.0: removed, 1 file\n"


def test_a_dry_run_lists_the_files(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(app)
    assert main(["uninstall", "--target", str(app), "--dry-run", "one", "nothing"]) == 0
    assert tree(app) == before
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == "one 1.0: would be removed, 4 files"
    assert f"  {app}/one.py" in lines[1:]
    assert len(lines) == 5
    assert said.err == (
        "wheelfix: warning: WF514 nothing: it is not installed in this environment\n"
    )


def test_a_name_that_no_encoding_has_is_printed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_installed(tmp_path, {"\xfc.py": ""})
    bytes_ = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_, encoding="ascii"))
    assert main(["uninstall", "--target", str(tmp_path), "--dry-run", "example"]) == 0
    sys.stdout.flush()
    assert rb"\xfc.py" in bytes_.getvalue()


def test_without_stdout_it_works(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["uninstall", "--target", str(app), "one"]) == 0
    assert not (app / "one.py").exists()


def test_many_kept_files_are_told_in_a_few_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_installed(
        tmp_path, {f"{n}.py": "" for n in range(9)}, rows={f"{n}.py": ("", "") for n in range(9)}
    )
    assert main(["uninstall", "--target", str(tmp_path), "example"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("wheelfix: warning: WF516 ")
    assert lines[-1] == "  and 4 more with WF516"


# the report


@pytest.mark.parametrize(("flags", "outcome"), [((), "uninstalled"), (("--dry-run",), "planned")])
def test_the_report_tells_what_went(
    flags: tuple[str, ...], outcome: str, app: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--target", str(app), "--report", "-", *flags, "one", "nothing"]
    assert main(["uninstall", *arguments]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["schema"], report["outcome"], report["refusals"]) == (1, outcome, [])
    assert len(report["targets"]) == 1
    one, nothing = report["distributions"]
    assert (one["distribution"], one["version"], one["findings"]) == ("one", "1.0", [])
    assert {os.path.basename(path) for path in one["files"]} == {
        "one.py",
        "METADATA",
        "INSTALLER",
        "RECORD",
    }
    assert (nothing["version"], nothing["files"]) == (None, [])
    assert [finding["code"] for finding in nothing["findings"]] == ["WF514"]
    assert "wheels" not in report


def test_the_report_tells_a_refusal(
    app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (app / "one-1.0.dist-info/RECORD").unlink()
    before = tree(app)
    file = tmp_path / "report.json"
    assert main(["uninstall", "--target", str(app), "--report", str(file), "one", "two"]) == 1
    assert tree(app) == before
    report = json.loads(file.read_text())
    assert (report["outcome"], report["distributions"]) == ("refused", [])
    assert [finding["code"] for finding in report["refusals"]] == ["WF515"]
    said = capsys.readouterr().err
    assert "wheelfix: error: WF515 " in said
    assert "wheelfix explain WF515" in said


def test_a_report_that_cannot_be_opened_is_refused_first(
    app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(app)
    assert main(["uninstall", "--target", str(app), "--report", str(tmp_path), "one"]) == 1
    assert tree(app) == before
    assert "WF506" in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
def test_a_report_that_is_lost_is_told(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["uninstall", "--target", str(app), "--report", "/dev/full", "one"]) == 1
    assert not (app / "one.py").exists()
    assert "the report is lost: No space left on device" in capsys.readouterr().err


def test_a_report_that_nobody_reads_is_no_failure(app: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "wheelfix", "uninstall", "--target", str(app)]
    done = subprocess.run(
        [*command, "--report", "-", "one"], check=False, stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
    assert not (app / "one.py").exists()


class Broken(io.StringIO):
    def flush(self) -> None:
        raise BrokenPipeError


def test_a_reader_that_has_gone_has_seen_enough() -> None:
    assert write_report(Broken(), {})


# arguments


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("one==1.0",),
        ("./one",),
        ("-x",),
        ("",),
        ("one-",),
        ("--target", "", "one"),
        ("--target", "x", "--prefix", "y", "one"),
        ("--target", "x", "--scheme", "posix_home", "one"),
        ("--allow", "WF999", "one"),
        ("--allow", "WF515", "one"),
        ("--wait", "soon", "one"),
        ("--wait", "-1", "one"),
        ("--wait", "nan", "one"),
        ("--wait", "inf", "one"),
    ],
)
def test_wrong_usage_is_told(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of_usage(*arguments) == 2
    assert "usage: wheelfix uninstall" in capsys.readouterr().err


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of_usage("--help") == 0
    said = capsys.readouterr().out
    assert "wheelfix uninstall --python .venv --dry-run psycopg-binary" in said
    assert "exit status: 0 done, 1 refused" in said


@pytest.fixture
def managed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the environment belong to another package manager; give a folder with a distribution."""
    monkeypatch.setattr("wheelfix.layout.externally_managed", lambda *_: "Use apt")
    make_installed(tmp_path / "lib", {"one.py": ""}, name="one")
    return tmp_path / "lib"


def folders(site: Path, *schemes: str) -> list[str]:
    return [argument for scheme in schemes for argument in (f"--{scheme}", str(site))]


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        (["--purelib", "{site}"], 1),
        (["--purelib", "{site}", "--dry-run"], 1),
        (["--purelib", "{site}", "--dry-run", "--report", "{site}/../report"], 0),
        (["--purelib", "{site}", "--allow", "wf504"], 0),
        ([f"--{scheme}={{site}}" for scheme in SCHEMES], 0),
        (["--target", "{site}"], 0),
        (["--purelib", "/lib", "--destdir", "{site}/.."], 0),
        (["--purelib", "{site}", "--prefix", "/nothing"], 0),
    ],
)
def test_pep_668_has_a_say_where_it_has_for_install(
    flags: list[str], status: int, managed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [flag.format(site=managed) for flag in flags]
    assert main(["uninstall", *arguments, "one"]) == status
    assert ("error: WF504" in capsys.readouterr().err) is bool(status)
    assert (managed / "one.py").exists() is bool(status or "--dry-run" in flags)


def test_another_interpreter_can_be_named(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"example.py": ""})
    place = ["--python", sys.executable, "--destdir", str(tmp_path / "root"), "--prefix", "/usr"]
    assert main(["install", *place, str(wheel)]) == 0
    assert names(tree(tmp_path / "root"))
    assert main(["uninstall", *place, "--durable", "--wait", "1.5", "example"]) == 0
    assert names(tree(tmp_path / "root")) == set()


# Prints each module that is imported after the first change below the folder. (PEP 578)
LATE_IMPORTS = """
import os, sys

folder, *arguments = sys.argv[1:]
seen = []

def watch(event, details):
    if event in ("os.rename", "os.mkdir") and not seen and ".wheelfix" in str(details):
        seen.append("changed")
    # (of encodings, which is loaded already, no part can come from anywhere else)
    if event == "import" and seen and not details[0].startswith("encodings."):
        seen.append(details[0])

sys.addaudithook(watch)
from wheelfix.cli import main
from wheelfix.cli._reports import write_report
status = main(arguments)
print(*seen)
sys.exit(status)
"""


@pytest.mark.parametrize("flags", [(), ("--report", "{folder}/report"), ("--durable",)])
def test_nothing_is_imported_after_the_first_change(
    flags: tuple[str, ...], app: Path, tmp_path: Path
) -> None:
    arguments: list[Any] = [flag.format(folder=tmp_path) for flag in flags]
    make_installed(app, {"x.py": "", "y.py": ""}, name="three", rows={"x.py": ("", "")})
    command = [sys.executable, "-W", "error", "-c", LATE_IMPORTS, str(app), "uninstall"]
    command += ["--target", str(app), *arguments, "one", "three", "nothing"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "changed\n")
    assert "WF516" in done.stderr
