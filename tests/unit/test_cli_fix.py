from __future__ import annotations

import json
import os
import sys
import sysconfig
from typing import TYPE_CHECKING, Any

import pytest

from support.elf_maker import extension_module
from support.environment_maker import install_misnamed, make_virtual_environment
from support.root_maker import RootMaker
from support.trees import tree
from wheelfix.cli import main
from wheelfix.cli._environments import NamedEnvironment
from wheelfix.targets.running import running_target

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
OTHER = ".cpython-{}{}-x86_64-linux-musl.so".format(*sys.version_info[:2])
TAG = "cp{0}{1}-cp{0}{1}-linux_x86_64".format(*sys.version_info[:2])

pytestmark = pytest.mark.skipif(
    not SUFFIX.endswith("-x86_64-linux-gnu.so"), reason="the modules are for another machine"
)


class App:
    """A virtual environment with a module that its interpreter doesn't import."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = make_virtual_environment(folder)
        self.info = install_misnamed(self.site, {f"fast{OTHER}": extension_module("fast")}, tag=TAG)

    def __str__(self) -> str:
        return str(self.folder)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.chdir(tmp_path)
    return App(tmp_path / "app")


def fix(*arguments: str | App) -> int:
    return main(["fix", *map(str, arguments)])


def first_line(app: App, reason: str) -> str:
    target = running_target()
    version = f"{target.version}{target.abi_flags}"
    return f"environment: {app.folder} (cpython {version} glibc), named by {reason}"


def test_it_says_where_and_what(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(app.folder)
    assert fix("--python", app, "--dry-run") == 0
    said = capsys.readouterr()
    change = f"  fast{OTHER} -> fast{SUFFIX}"
    where = first_line(app, "--python")
    assert said.out.splitlines() == [where, "example 1.0: 1 module would be mended", change]
    assert said.err == ""
    assert tree(app.folder) == before
    assert fix("--python", app) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [where, "example 1.0: 1 module mended", change]
    assert said.err == ""
    assert fix("--python", app) == 0
    assert capsys.readouterr().out.splitlines() == [where, "nothing to mend"]
    assert fix("--python", app, "--undo", "--dry-run") == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "example 1.0: 1 module would be undone",
        f"  fast{SUFFIX} -> fast{OTHER}",
    ]
    assert fix("--python", app, "--undo") == 0
    assert tree(app.folder) == before
    capsys.readouterr()
    assert fix("--python", app, "--undo") == 0
    assert capsys.readouterr().out.splitlines() == [where, "nothing to undo"]


def test_a_dry_run_tells_notes_as_well(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    install_misnamed(app.site, {f"lib-load/x{OTHER}": b""}, name="more", tag=TAG)
    (app.site / f"lib-load/x{OTHER}").write_bytes(extension_module("x"))
    assert fix("--python", app, "--dry-run", "more") == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[1:] == ["nothing to mend"]
    assert said.err.startswith(f"wheelfix: note: WF106 lib-load/x{OTHER}: ")
    assert fix("--python", app, "more") == 0
    assert capsys.readouterr().err == ""


def test_second_names(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    more = {f"one{OTHER}": extension_module("one"), f"two{OTHER}": extension_module("two")}
    install_misnamed(app.site, more, name="more", tag=TAG)
    assert fix("--python", app, "--repair", "duplicate", "more") == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "more 1.0: 2 modules mended",
        f"  one{OTHER} + one{SUFFIX}",
        f"  two{OTHER} + two{SUFFIX}",
    ]
    assert fix("--python", app, "--undo") == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "more 1.0: 2 modules undone",
        f"  two{OTHER} - two{SUFFIX}",
        f"  one{OTHER} - one{SUFFIX}",
    ]


@pytest.mark.parametrize("reason", ["VIRTUAL_ENV", "./.venv"])
def test_the_environment_is_chosen(
    app: App,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if reason == "VIRTUAL_ENV":
        monkeypatch.setenv("VIRTUAL_ENV", str(app.folder))
    else:
        app.folder.rename(app.folder.parent / ".venv")
        app.folder = app.folder.parent / ".venv"
    assert fix() == 0
    assert capsys.readouterr().out.splitlines()[0] == first_line(app, reason)


def test_what_can_not_be_mended(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    files = {f"bad{OTHER}": extension_module("bad", libc="musl")}
    info = install_misnamed(app.site, files, name="bad", tag=TAG)
    assert fix("--python", app) == 1
    said = capsys.readouterr()
    assert "example 1.0: 1 module mended" in said.out
    assert f"wheelfix: error: WF202 bad{OTHER}: it is linked against musl" in said.err
    assert fix("--python", app, "--allow", "WF202") == 0
    assert "wheelfix: allowed: WF202" in capsys.readouterr().err
    (info / "RECORD").unlink()
    assert fix("--python", app) == 0
    assert capsys.readouterr().err == "wheelfix: note: WF610 bad 1.0: it has no RECORD\n"


def report_of(file: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return read


def test_the_report(app: App, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    assert fix("--python", app, "--report", str(file)) == 0
    report = report_of(file)
    assert list(report) == ["schema", "outcome", "targets", "refusals", "findings", "distributions"]
    assert (report["schema"], report["outcome"]) == (1, "fixed")
    (distribution,) = report["distributions"]
    assert distribution["changed"] == [
        {"action": "rename", "from": f"fast{OTHER}", "to": f"fast{SUFFIX}"}
    ]
    assert [each["code"] for each in distribution["findings"]] == ["WF101"]
    capsys.readouterr()
    assert fix("--python", app, "--undo", "--dry-run", "--report", "-") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["outcome"] == "planned"
    assert said.err.splitlines() == [first_line(app, "--python")]
    assert fix("--python", app, "--undo", "--report", str(file)) == 0
    assert report_of(file)["outcome"] == "undone"


def test_the_report_of_a_refusal(app: App, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    assert fix("--python", app, "--report", str(file), "absent") == 1
    report = report_of(file)
    assert report["outcome"] == "refused"
    assert [each["code"] for each in report["refusals"]] == ["WF621"]
    assert fix("--python", str(tmp_path / "gone"), "--report", str(file)) == 1
    assert report_of(file)["targets"] == []


def test_a_report_that_is_lost(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    assert fix("--python", app, "--report", "/dev/full") == 1
    assert "the report is lost" in capsys.readouterr().err
    assert (app.site / f"fast{SUFFIX}").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--repair", "off"],
        ["--allow", "WF101"],
        ["--wait", "-1"],
        ["--root", ""],
        ["a b"],
        ["name==1.0"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        fix(*arguments)
    assert ended.value.code == 2
    assert "usage: wheelfix fix" in capsys.readouterr().err


def test_a_durable_call_that_need_not_wait(app: App) -> None:
    assert fix("--python", app, "--durable", "--wait", "0") == 0
    assert (app.site / f"fast{SUFFIX}").is_file()


def test_in_a_root(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker = RootMaker(tmp_path / "root").make()
    site = maker.folder / "usr/lib/python3.9/site-packages"
    gnu, musl = ".cpython-39-x86_64-linux-gnu.so", ".cpython-39-x86_64-linux-musl.so"
    module = extension_module("fast", libc="musl")
    install_misnamed(site, {f"fast{gnu}": module}, tag="cp39-cp39-musllinux_1_1_x86_64")
    before = tree(maker.folder)
    assert fix("--root", str(maker.folder)) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"environment: /usr in {maker.folder} (cpython 3.9.18 musl)")
    assert first.endswith(", named by --root")
    assert (site / f"fast{musl}").read_bytes() == module
    assert fix("--root", str(maker.folder), "--undo") == 0
    assert tree(maker.folder) == before
    assert main(["verify", "--root", str(maker.folder), "absent"]) == 1


def test_the_line_of_an_environment_that_can_not_be_run() -> None:
    from dataclasses import replace

    target = replace(running_target(), prefix=None, executable=None, libc=None)
    line = NamedEnvironment(target, "/mnt/image", "/usr/bin/python3", "--root").line
    version = f"{target.version}{target.abi_flags}"
    assert line == f"environment: ? in /mnt/image (cpython {version}), named by --root"
