"""``wheelfix diff``: what it prints where, and how it exits."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from support.wheel_maker import make_wheel
from wheelfix.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def diff(capsys: pytest.CaptureFixture[str], *arguments: Any, status: int) -> tuple[str, str]:
    """Run it, and give standard output and standard error."""
    assert main(["diff", *map(str, arguments)]) == status
    out, err = capsys.readouterr()
    return out, err


def two(folder: Path, one: dict[str, str], other: dict[str, str], **changes: Any) -> list[Path]:
    found = []
    for name, files in (("one", one), ("two", other)):
        (folder / name).mkdir()
        found.append(make_wheel(folder / name, files, **(changes if name == "two" else {})))
    return found


def test_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheels = two(tmp_path, {"x.py": "1\n"}, {"x.py": "1\n"})
    assert diff(capsys, *wheels, status=0) == ("", "")
    out, _ = diff(capsys, *wheels, "--format", "json", status=0)
    assert json.loads(out) == {
        "schema": 1,
        "wheels": [str(each) for each in wheels],
        "same": True,
        "differences": [],
    }


def test_each_difference_is_a_line_and_each_cause_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheels = two(
        tmp_path,
        {"x.py": "1\n", "y.py": "1\n"},
        {"x.py": "2\n"},
        wheel_fields={"Generator": "other", "Tag": None, "Root-Is-Purelib": "false"},
    )
    info = "example-1.0.dist-info"
    assert diff(capsys, *wheels, status=1) == (
        (
            "y.py: member: only in the first wheel\n"
            "  likely cause: another source, other options, or another machine\n"
            'x.py: line 1: "1" and "2"\n'
            "  likely cause: another source, other options, or another machine\n"
            f'{info}/WHEEL: Generator: "make_wheel" and "other"\n'
            "  likely cause: another build tool, or another version of it; pin it\n"
            f'{info}/WHEEL: Root-Is-Purelib: "true" and "false"\n'
            f'{info}/WHEEL: Tag: "py3-none-any" and ""\n'
            "  likely cause: another source, other options, or another machine\n"
            f"{info}/RECORD: rows: row of x.py and 1 more\n"
            f"{info}/RECORD: rows: row of y.py in one only\n"
            "  likely cause: goes with the differences of other members or sections\n"
        ),
        "",
    )


def test_what_belongs_to_no_member(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = two(tmp_path, {"x.py": "1\n"}, {"x.py": "1\n"})
    with zipfile.ZipFile(other, "a") as archive:
        archive.comment = b"by hand"
    assert diff(capsys, one, other, status=1) == (
        (
            'comment: "" and "by hand"\n'
            "  likely cause: another build tool, or another version of it; pin it\n"
        ),
        "",
    )


def test_bytes_that_nothing_tells_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = two(tmp_path, {"x.py": "1\n"}, {"x.py": "1\n"})
    content = bytearray(other.read_bytes())
    # version made by, in the central directory's last entry (APPNOTE.TXT 4.4.2)
    content[content.rindex(b"PK\1\2") + 4] ^= 1
    other.write_bytes(content)
    out, _ = diff(capsys, one, other, status=1)
    assert out == (
        "frame of the archive: headers of the members, or what lies between them\n"
        "  likely cause: another build tool, or another version of it; pin it\n"
    )


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheels = two(tmp_path, {"x.py": "1\n"}, {"x.py": "1\r\n"})
    out, _ = diff(capsys, *wheels, "--format", "json", status=1)
    report = json.loads(out)
    assert not report["same"]
    assert report["differences"][0] == {
        "member": "x.py",
        "place": "line endings",
        "sentence": "LF and CRLF",
        "cause": "line-endings",
        "explanation": "line endings; git's autocrlf, or another build tool",
    }


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("example-1.0-py3-none-any.whl", b"no zip", "WF401"),
        ("example-1.0-py3-none-any.whl", None, "WF401"),
        ("first.whl", b"no zip", "WF402"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_file_that_cannot_be_compared(
    *,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes | None,
    code: str,
    is_first: bool,
) -> None:
    good = make_wheel(tmp_path, {}, name="good")
    bad = tmp_path / name
    if content is not None:
        bad.write_bytes(content)
    out, err = diff(capsys, *([bad, good] if is_first else [good, bad]), status=2)
    assert out == ""
    assert err.startswith(f"wheelfix: error: {code} {name}: ")
    # what to do stands in a line of its own
    assert err.splitlines()[1].startswith("  ")


def test_a_folder_cannot_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = make_wheel(tmp_path, {})
    folder = tmp_path / "one" / good.name
    folder.mkdir(parents=True)
    out, err = diff(capsys, good, folder, status=2)
    assert out == ""
    assert f"WF401 {good.name}: " in err
    assert "is a folder, not a wheel file" in err


@pytest.mark.parametrize("arguments", [[], ["one.whl"], ["a", "b", "c"], ["a", "b", "--format=x"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["diff", *arguments])
    assert raised.value.code == 2
    assert "usage: " in capsys.readouterr().err


def test_help_tells_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["diff", "--help"])
    assert raised.value.code == 0
    out = capsys.readouterr().out
    assert "A.whl B.whl" in out
    assert "0 the same bytes, 1 they differ, 2 wrong usage" in out


def test_a_reader_that_stops_early(tmp_path: Path) -> None:
    files = {f"pkg/m{number}.py": "1\n" for number in range(3000)}
    wheels = two(tmp_path, files, dict.fromkeys(files, "2\n"))
    command = [sys.executable, "-W", "error", "-m", "wheelfix", "diff", *map(str, wheels)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b'pkg/m0.py: line 1: "1" and "2"\n'
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
