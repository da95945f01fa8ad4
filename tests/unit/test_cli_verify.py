"""``wheelfix install --verify import`` with this interpreter as the target."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from support.native_modules import SUFFIX, broken_module, good_module
from support.target_maker import make_target
from support.trees import names, tree
from support.wheel_maker import make_wheel
from wheelfix.checking import CheckedModule
from wheelfix.cli import _progress, _verification, main
from wheelfix.cli._verification import Verification
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.installing import InstalledWheel
from wheelfix.layout import InstallOptions
from wheelfix.linkage import LoadClass, Outcome
from wheelfix.planning import Plan, Policy
from wheelfix.targets.running import running_target
from wheelfix.verifying import ImportOutcome, VerifiedModule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Files = Mapping[str, bytes | str]

RUNNING = running_target()
TAGS = RUNNING.tags[0]
GOOD = good_module().stem


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def good_wheel(folder: Path, name: str = "good", source: str = "", suffix: str = SUFFIX) -> Path:
    module = good_module()
    files: Files = {f"{name}/__init__.py": source, f"{name}/{module.stem}{suffix}": module.content}
    return make_wheel(folder, files, name=name, tags=TAGS)


def broken_wheel(folder: Path) -> Path:
    files: Files = {f"broken/fast{SUFFIX}": broken_module("fast")}
    return make_wheel(folder, files, name="broken", tags=TAGS)


def verify(folder: Path, *arguments: str | Path) -> int:
    place = ["--target", folder / "t", "--no-compile-bytecode"]
    return main(["install", "--verify", "import", *map(str, [*place, *arguments])])


def test_piped_nothing_is_said_of_what_imports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(tmp_path, good_wheel(tmp_path)) == 0
    assert capsys.readouterr() == ("", "")
    assert f"good/{GOOD}{SUFFIX}" in names(tree(tmp_path / "t"))
    assert not [name for name in names(tree(tmp_path / "t")) if "__pycache__" in name]


def test_a_module_that_does_not_import_stays_installed_and_gives_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    wheels = [good_wheel(tmp_path), broken_wheel(tmp_path)]
    assert verify(tmp_path, "--report", report, *wheels) == 1
    path = f"broken/fast{SUFFIX}"
    sentence = f"{sys.executable} does not import broken.fast: the process died of SIGSEGV"
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line for line in err.splitlines() if "warning" not in line]
    assert lines[0] == f"wheelfix: error: WF525 {path}: {sentence}"
    assert lines[1].endswith("More: wheelfix explain WF525")
    # nothing speaks against it before its init function runs
    assert lines[2].startswith(f"wheelfix: note: {path}: foretold was that it ends in: loads, but")
    assert lines[2].endswith(" it is: crash")
    assert path in names(tree(tmp_path / "t"))
    told = json.loads(report.read_text("utf-8"))
    assert told["outcome"] == "installed"
    (good,), (broken,) = [wheel["verified"] for wheel in told["wheels"]]
    assert (good["outcome"], good["agrees"], good["finding"]) == ("imported", True, None)
    assert good["foretold"]["load"] == "loads"
    assert (broken["outcome"], broken["signal"]) == ("crash", "SIGSEGV")
    assert broken["finding"]["code"] == "WF525"


def test_below_destdir(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    wheel = good_wheel(tmp_path)
    arguments = ["--destdir", tmp_path / "d", "--prefix", "/opt", "--report", report, wheel]
    assert main(["install", "--verify", "import", *map(str, arguments)]) == 0
    (row,) = json.loads(report.read_text("utf-8"))["wheels"][0]["verified"]
    assert row["outcome"] == "imported"
    assert row["file"].startswith(str(tmp_path / "d" / "opt"))


def test_for_two_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    pythons: list[str | Path] = ["--python", sys.executable, "--python", other]
    assert verify(tmp_path, *pythons, good_wheel(tmp_path)) == 0
    shown = stream.getvalue().splitlines()
    assert shown[1:] == [
        f"good 1.0: verified on {sys.executable}: 1 of 1 module imports",
        f"good 1.0: verified on {other}: 1 of 1 module imports",
    ]


def test_on_a_terminal_each_wheel_gets_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    wheels = [
        good_wheel(tmp_path),
        good_wheel(tmp_path, "wanting", "import absent_one"),
        make_wheel(tmp_path, {"pure.py": ""}, name="pure"),
    ]
    assert verify(tmp_path, *wheels) == 0
    assert stream.getvalue().splitlines()[3:] == [
        "good 1.0: verified: 1 of 1 module imports",
        "wanting 1.0: verified: 1 of 1 module loads",
        f"  wanting.{GOOD}: its import needs 'absent_one', which is not installed",
        "pure 1.0: verified: it has no extension modules",
    ]


def test_without_the_flag_there_is_no_key(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ["--target", tmp_path / "t", "--report", report, good_wheel(tmp_path)]
    assert main(["install", *map(str, arguments)]) == 0
    assert "verified" not in json.loads(report.read_text("utf-8"))["wheels"][0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--dry-run"], "--dry-run installs nothing"),
        (["--root", "/"], "--verify runs the target, and that of --root can't be run"),
        (["--profile", "alpine-3.14"], "that of --profile can't be run"),
        (["--target-info", "x.json"], "that of --target-info can't be run"),
    ],
)
def test_where_nothing_can_be_run(
    tmp_path: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        verify(tmp_path, *arguments, good_wheel(tmp_path))
    assert raised.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "t").exists()


def test_a_broken_wheel_is_refused_as_without_the_flag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken-1-py3-none-any.whl"
    broken.write_bytes(b"no wheel")
    absent = tmp_path / "absent-1-py3-none-any.whl"
    assert verify(tmp_path, good_wheel(tmp_path), broken, absent) == 1
    told = capsys.readouterr().err
    assert main(["install", "--target", str(tmp_path / "t"), str(broken), str(absent)]) == 1
    assert capsys.readouterr().err == told
    assert told.count("WF401") > 1


def test_a_record_that_is_let_through(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = good_module()
    path = f"good/{module.file_name}"
    wheel = make_wheel(
        tmp_path, {path: module.content}, name="good", tags=TAGS, record_rows={path: None}
    )
    report = tmp_path / "report.json"
    assert verify(tmp_path, "--validate-record", "none", "--report", report, wheel) == 0
    assert "WF525" not in capsys.readouterr().err
    (row,) = json.loads(report.read_text("utf-8"))["wheels"][0]["verified"]
    assert (row["outcome"], row["foretold"]) == ("imported", None)


def test_a_target_without_an_executable(tmp_path: Path) -> None:
    target = replace(make_target(), executable=None)
    with pytest.raises(EnvironmentRefusedError) as raised:
        Verification([], [target], Policy(), InstallOptions(flat_folder=str(tmp_path)))
    assert [finding.code.id for finding in raised.value.findings] == ["WF501"]


def test_an_interrupt_does_not_take_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: Any, **_options: Any) -> list[VerifiedModule]:
        raise KeyboardInterrupt

    monkeypatch.setattr(_verification, "verify_imports", interrupted)
    report = tmp_path / "report.json"
    assert verify(tmp_path, "--report", report, good_wheel(tmp_path)) == 130
    assert json.loads(report.read_text("utf-8"))["outcome"] == "installed"
    assert (tmp_path / "t" / "good").is_dir()


def module(outcome: ImportOutcome, number: int = 0, foretold: Any = None) -> VerifiedModule:
    name = f"m{number}"
    return VerifiedModule(f"{name}.so", name, f"/{name}.so", "p", outcome, "why", None, foretold)


def said(kind: LoadClass | None, sentence: str | None = None, *, found: bool = True) -> Any:
    outcome = None if kind is None else Outcome(kind, sentence)
    return CheckedModule(
        path="m0.so",
        new_path=None,
        is_found=found,
        outcome=outcome,
        instead=None,
        init_symbols=(),
        findings=(),
    )


@pytest.mark.parametrize(
    ("foretold", "outcome", "words"),
    [
        (
            said(LoadClass.TLS, "no: TLS"),
            ImportOutcome.IMPORTED,
            "ends in: tls (no: TLS), but on p it is: imported",
        ),
        (
            said(LoadClass.LOADS, found=False),
            ImportOutcome.IMPORTED,
            "is not found, but on p it is: imported",
        ),
        (said(None), ImportOutcome.NOT_FOUND, "is found, but on p it is: not found"),
    ],
)
def test_a_disagreement_is_a_line_of_its_own(
    foretold: Any, outcome: ImportOutcome, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = InstalledWheel("x", "1", Plan("x"))
    verified = [[module(outcome, foretold=foretold)]]
    is_good = Verification.tell([wheel], verified, to_stdout=False)
    assert is_good is (outcome is ImportOutcome.IMPORTED)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"wheelfix: note: m0.so: foretold was that it {words}"


def test_of_many_that_load_a_few_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    modules = [module(ImportOutcome.LOADS, number) for number in range(7)]
    assert Verification.tell([InstalledWheel("x", "1", Plan("x"))], [modules], to_stdout=True)
    assert stream.getvalue() == (
        "x 1: verified: 7 of 7 modules load\n  m0, m1, m2, m3, m4 and 2 more: why\n"
    )


# As in test_start_up.py: what is imported once files come to their places could come from a wheel.
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


def test_nothing_is_imported_once_files_come_to_their_places(tmp_path: Path) -> None:
    wheels = [good_wheel(tmp_path), broken_wheel(tmp_path)]
    arguments = ["--target", tmp_path / "t", "--report", tmp_path / "report.json", *wheels]
    command = [sys.executable, "-W", "error", "-c", LATE_IMPORTS, "install", "--verify", "import"]
    run = subprocess.run(
        [*command, *map(str, arguments)], check=False, capture_output=True, text=True
    )
    assert run.returncode == 1, run.stderr
    assert run.stdout.split() == ["committed"]


def test_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "_PATIENCE", 0.0)
    stream = Terminal()
    with _progress.ProgressLine(stream) as progress:
        progress.verified(4, 4)
    assert "importing [##############################] 4/4 modules" in stream.getvalue()
