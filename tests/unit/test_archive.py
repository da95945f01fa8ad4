"""One wheel file: what is refused, with which code and words, and what is given out."""

from __future__ import annotations

import contextlib
import io
import random
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from installer._core import _determine_scheme
from installer.sources import WheelFile

from support.refusals import assert_refused, refusal
from support.wheel_maker import make_wheel, record_hash
from support.zip_damage import change_data, change_directory_entry, change_member
from wheelfix import codes
from wheelfix.archive import WheelArchive, scheme_of
from wheelfix.errors import InvalidWheelError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wheelfix.codes import Code

INFO = "example-1.0.dist-info"
DATA = "example-1.0.data"
WHEEL = "example-1.0-py3-none-any.whl"


# --- WF401: no wheel at all


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / WHEEL
    assert_refused(path, codes.NOT_A_WHEEL, f"there is no file {str(path)!r}")


@pytest.mark.parametrize("name", ["requests", "requests==2.0", "zope.interface"])
def test_a_project_name_instead_of_a_file(name: str) -> None:
    assert refusal(name).sentence == (
        f"{name!r} is no wheel file; wheelfix installs wheel files that you have, get one with "
        f"`python -m pip download --no-deps --only-binary :all: {name}`"
    )


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("requests-2.0.tar.gz", "build one from it with `python -m pip wheel requests-2.0.tar.gz`"),
        ("https://example.org/a-1-py3-none-any.whl", "download the wheel file first"),
        ("wheels/requests", "there is no file 'wheels/requests'"),
        (".", "build it with `python -m pip wheel .`"),
    ],
)
def test_what_is_no_wheel_file(name: str, advice: str) -> None:
    found = refusal(name)
    assert found.subject
    assert found.sentence.endswith(advice)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", ""], ids=["too long", "null", "empty"])
def test_a_name_that_no_file_can_have(name: str) -> None:
    assert refusal(name).code is codes.NOT_A_WHEEL


def test_a_folder(tmp_path: Path) -> None:
    path = tmp_path / WHEEL
    path.mkdir()
    assert_refused(path, codes.NOT_A_WHEEL, "is a folder, not a wheel file")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"\x7fELF" + b"\0" * 100])
def test_a_file_that_is_no_zip_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / WHEEL
    path.write_bytes(content)
    assert_refused(path, codes.NOT_A_WHEEL, "can't be opened as a zip archive: ")


def test_a_truncated_archive(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"})
    content = path.read_bytes()
    for length in range(0, len(content), 50):
        path.write_bytes(content[:length])
        assert_refused(path, codes.NOT_A_WHEEL, "can't be opened as a zip archive: ")


@pytest.mark.parametrize(
    ("offset", "layout", "value"),
    [
        # a later version of the format than zipfile knows
        (6, "H", 99),
        # a name that isn't UTF-8, as its flag says
        (46, "B", 0xFF),
        # the length of a name, an extra field
        (28, "H", 0xFFFF),
        (0, "I", 0),
    ],
)
def test_a_damaged_directory(tmp_path: Path, offset: int, layout: str, value: int) -> None:
    path = make_wheel(tmp_path, {"é.py": "1"})
    change_directory_entry(path, "é.py", offset, layout, value)
    assert_refused(path, codes.NOT_A_WHEEL, "can't be opened as a zip archive: ")


def test_the_file_is_closed_again(tmp_path: Path) -> None:
    with WheelArchive.open(make_wheel(tmp_path, {"a.py": "1"})) as archive:
        assert "a.py" in archive.paths
    with pytest.raises(InvalidWheelError, match="WF413"):
        archive.open_member("a.py")


# --- WF402: the file name


@pytest.mark.parametrize(
    "name",
    [
        "example.whl",
        "example-1.0.whl",
        "example-1.0-py3-none.whl",
        "example-1.0-py3-none-any.zip",
        "example-1.0-py3-none-any",
        "example-1.0-py3-none-any.whl.part",
        "-1.0-py3-none-any.whl",
        "example-1.0-1-2-py3-none-any.whl",
        "example-1.0-py3-none-.whl",
    ],
)
def test_a_bad_file_name(tmp_path: Path, name: str) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}).rename(tmp_path / name)
    assert_refused(path, codes.BAD_WHEEL_NAME, "")


def test_name_version_and_tags_are_those_of_the_file_name(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path, {"a.py": "1"}, name="Ex_ample", build="2abc", tags="py2.py3-none-any"
    )
    with WheelArchive.open(path) as archive:
        assert (archive.file_name, archive.distribution, archive.version) == (
            "Ex_ample-1.0-2abc-py2.py3-none-any.whl",
            "Ex_ample",
            "1.0",
        )
        assert {str(tag) for tag in archive.tags} == {"py2-none-any", "py3-none-any"}
        assert archive.data_dir == "Ex_ample-1.0.data"


# --- WF403: the dist-info folder


def test_without_dist_info(tmp_path: Path) -> None:
    path = tmp_path / WHEEL
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.py", "1")
        # no folder, and not at the top
        archive.writestr("b-1.0.dist-info", "")
        archive.writestr("vendored/example-1.0.dist-info/WHEEL", "")
    assert_refused(path, codes.BAD_DIST_INFO, "there must be one dist-info folder, found none")


def test_two_dist_info_folders(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"b-1.0.dist-info/WHEEL": "", "vendored/c-1.dist-info/x": ""})
    assert_refused(path, codes.BAD_DIST_INFO, f"found ['b-1.0.dist-info', {INFO!r}]")


def test_the_dist_info_of_another_project(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}).rename(tmp_path / "other-1.0-py3-none-any.whl")
    assert_refused(path, codes.BAD_DIST_INFO, f"the dist-info folder {INFO!r} is another project's")


@pytest.mark.parametrize("name", ["Exa.mple", "exa_mple", "EXA-mple"])
def test_names_are_compared_normalised(tmp_path: Path, name: str) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, name=name)
    path = path.rename(tmp_path / "exa_mple-1.0-py3-none-any.whl")
    with WheelArchive.open(path) as archive:
        assert archive.dist_info_dir == f"{name}-1.0.dist-info"


# --- WF404, WF405: WHEEL


def test_without_wheel_file(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, without=["WHEEL"])
    assert_refused(path, codes.BAD_WHEEL_METADATA, "there is no WHEEL in the dist-info folder")


def test_a_wheel_file_that_is_no_text(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {f"{INFO}/WHEEL": b"Wheel-Version: 1.0\n\xff"})
    assert_refused(path, codes.BAD_WHEEL_METADATA, "WHEEL is not UTF-8 text")


@pytest.mark.parametrize(
    ("version", "told"), [("2.0", "2.0"), ("0.9", "0.9"), ("10.0", "10.0"), ("", "missing")]
)
def test_an_unknown_wheel_version(tmp_path: Path, version: str, told: str) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, wheel_fields={"Wheel-Version": version})
    assert_refused(path, codes.BAD_WHEEL_METADATA, f"Wheel-Version is {told}, known here is 1.x")


def test_without_wheel_version(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, wheel_fields={"Wheel-Version": None})
    assert_refused(path, codes.BAD_WHEEL_METADATA, "Wheel-Version is missing")


def test_a_newer_minor_version_is_a_warning(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, wheel_fields={"Wheel-Version": "1.9"})
    with WheelArchive.open(path) as archive:
        (finding,) = archive.findings
    assert (finding.code, finding.subject) == (codes.NEWER_WHEEL_VERSION, WHEEL)
    assert finding.sentence == "Wheel-Version is 1.9, known here is 1.0"
    assert not finding.refuses


@pytest.mark.parametrize(
    ("field", "scheme"),
    [
        ("true", "purelib"),
        ("false", "platlib"),
        ("True", "purelib"),
        ("TRUE", "purelib"),
        ("yes", "platlib"),
        (None, "platlib"),
    ],
)
def test_root_scheme(tmp_path: Path, field: str | None, scheme: str) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, wheel_fields={"Root-Is-Purelib": field})
    with WheelArchive.open(path) as archive:
        assert archive.root_scheme == scheme
        assert archive.findings == ()


# --- WF406: RECORD


@pytest.mark.parametrize(
    ("large", "code"),
    [
        ({"wheel_fields": {"Filler": "x" * 3000}}, codes.BAD_WHEEL_METADATA),
        ({"record": "x" * 3000}, codes.BAD_RECORD),
        ({"entry_points": "#" * 3000}, codes.BAD_ENTRY_POINTS),
    ],
)
def test_a_text_too_large_to_be_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: dict[str, Any], code: Code
) -> None:
    monkeypatch.setattr("wheelfix.archive._archive._MAX_TEXT_SIZE", 2999)
    with WheelArchive.open(make_wheel(tmp_path, {"a.py": ""}, entry_points="")):
        assert_refused(make_wheel(tmp_path, {}, **large), code, "is larger than 2999 bytes")


def test_record_names_a_file_with_a_line_separator(tmp_path: Path) -> None:
    with WheelArchive.open(make_wheel(tmp_path, {"a\u2028b.txt": "x"})) as archive:
        archive.validate_record()


def test_without_record(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, without=["RECORD"])
    assert_refused(path, codes.BAD_RECORD, "there is no RECORD in the dist-info folder")


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (b"a.py,\xff,\n", "RECORD is not UTF-8 text"),
        ("a.py\n", "RECORD can't be read: Row Index 0: expected 3 elements, got 1"),
        ("a.py,,,\n", "RECORD can't be read: Row Index 0: expected 3 elements, got 4"),
        ("\n", "RECORD can't be read: Row Index 0: expected 3 elements, got 0"),
        (",,\n", "RECORD can't be read: `path` cannot be empty"),
        ("a.py,sha256,\n", "RECORD can't be read: `hash` does not follow the required format"),
        ("a.py,,x\n", "RECORD can't be read: `size` cannot be non-integer"),
        (f"{'x' * 200_000},,\n", "RECORD can't be read: field larger than field limit"),
        ("a.py,sha0=x,1\n", "RECORD uses an unknown hash, 'sha0'"),
        ("a.py,shake_128=x,1\n", "RECORD uses an unknown hash, 'shake_128'"),
    ],
)
def test_a_record_that_cannot_be_read(tmp_path: Path, record: str | bytes, sentence: str) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, record=record)
    assert_refused(path, codes.BAD_RECORD, sentence)


# --- WF407: RECORD and the archive


@contextlib.contextmanager
def both(path: Path) -> Any:
    with (
        WheelArchive.open(path, allow={"WF423"}, validate_record="none") as ours,
        WheelFile.open(path) as theirs,
    ):
        yield ours, theirs


CONTENT = b"x = 1\n"
HASH = record_hash(CONTENT)

RECORDS: dict[str, tuple[dict[str, Any], str | None, bool]] = {
    # arguments of make_wheel; what is said; whether only the content tells it
    "good": ({}, None, False),
    "sha512": ({"hash_algorithm": "sha512"}, None, False),
    "md5": ({"hash_algorithm": "md5"}, None, False),
    "row for no file": ({"record_rows": {"b.py": (HASH, "6")}}, None, False),
    "no row": ({"record_rows": {"a.py": None}}, "it is not listed in RECORD", False),
    "no hash": (
        {"record_rows": {"a.py": ("", "6")}},
        "RECORD lists no hash or no size for it",
        False,
    ),
    "no size": (
        {"record_rows": {"a.py": (HASH, "")}},
        "RECORD lists no hash or no size for it",
        False,
    ),
    "other hash": (
        {"record_rows": {"a.py": (record_hash(b""), "6")}},
        "its hash or size is not the one in RECORD",
        True,
    ),
    "other size": (
        {"record_rows": {"a.py": (HASH, "7")}},
        "its hash or size is not the one in RECORD",
        True,
    ),
    "padded hash": (
        {"record_rows": {"a.py": (f"{HASH}=", "6")}},
        "its hash or size is not the one in RECORD",
        True,
    ),
    "RECORD's own hash": (
        {"record_rows": {f"{INFO}/RECORD": (HASH, "6")}},
        "RECORD must not list its own hash or size",
        False,
    ),
    "RECORD's own size": (
        {"record_rows": {f"{INFO}/RECORD": ("", "6")}},
        "RECORD must not list its own hash or size",
        False,
    ),
    "RECORD not in RECORD": (
        {"record_rows": {f"{INFO}/RECORD": None}},
        "it is not listed in RECORD",
        False,
    ),
    "unlisted signatures": (
        {"extra_members": [(f"{INFO}/RECORD.jws", b"{}"), (f"{INFO}/RECORD.p7s", b"{}")]},
        None,
        False,
    ),
    "listed signature": (
        {
            "extra_members": [(f"{INFO}/RECORD.jws", b"{}")],
            "record_rows": {f"{INFO}/RECORD.jws": ("", "")},
        },
        "a signature must not be listed in RECORD",
        False,
    ),
    "signature elsewhere": (
        {"extra_members": [("RECORD.jws", b"{}")]},
        "it is not listed in RECORD",
        False,
    ),
    "unlisted file": (
        {"extra_members": [("b.py", b"")]},
        "it is not listed in RECORD",
        False,
    ),
    "unlisted folder": ({"extra_members": [("folder/", b"")]}, None, False),
    "crlf": ({"record_newline": "\r\n"}, None, False),
    "the last row counts": (
        {"record": f"a.py,{HASH},7\na.py,{HASH},6\n{INFO}/RECORD,,\n", "without": ["METADATA"]},
        "it is not listed in RECORD",
        False,
    ),
}


@pytest.mark.parametrize("validate_contents", [True, False])
@pytest.mark.parametrize(("arguments", "issue", "by_content"), RECORDS.values(), ids=RECORDS)
def test_validate_record_says_what_installer_says(
    tmp_path: Path,
    arguments: dict[str, Any],
    issue: str | None,
    *,
    by_content: bool,
    validate_contents: bool,
) -> None:
    path = make_wheel(tmp_path, {"a.py": CONTENT}, **arguments)
    with both(path) as (ours, theirs):
        if issue is None or (by_content and not validate_contents):
            ours.validate_record(validate_contents=validate_contents)
            theirs.validate_record(validate_contents=validate_contents)
            return
        with pytest.raises(theirs.validation_error):
            theirs.validate_record(validate_contents=validate_contents)
        with pytest.raises(ours.validation_error) as caught:
            ours.validate_record(validate_contents=validate_contents)
    assert isinstance(caught.value, InvalidWheelError)
    (finding,) = caught.value.findings
    assert (finding.code, finding.sentence) == (codes.RECORD_DISAGREES, issue)


def test_every_member_that_disagrees_is_told(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path,
        {"a.py": CONTENT, "b.py": CONTENT, "c.py": CONTENT},
        record_rows={"a.py": None, "c.py": (HASH, "1")},
    )
    with (
        WheelArchive.open(path, validate_record="none") as archive,
        pytest.raises(InvalidWheelError) as caught,
    ):
        archive.validate_record()
    assert [finding.subject for finding in caught.value.findings] == ["a.py", "c.py"]


def test_a_damaged_member_is_told_while_its_hash_is_computed(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": CONTENT})
    change_member(path, "a.py", 16, "I", 1)
    with WheelArchive.open(path) as archive, pytest.raises(InvalidWheelError) as caught:
        archive.validate_record()
    assert caught.value.code is codes.DAMAGED_MEMBER


# --- WF408, WF410: paths


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/etc/passwd", "is an absolute path"),
        ("/", "is an absolute path"),
        ("//a", "is an absolute path"),
        ("../a", "leads out of its folder"),
        ("a/../../b", "leads out of its folder"),
        ("a/..", "leads out of its folder"),
        ("../", "leads out of its folder"),
        (f"{DATA}/purelib/../../../a", "leads out of its folder"),
        ("./a", "has an empty or '.' component"),
        ("a/./b", "has an empty or '.' component"),
        ("a/.", "has an empty or '.' component"),
        ("./", "has an empty or '.' component"),
        ("a//b", "has an empty or '.' component"),
        ("a//", "has an empty or '.' component"),
        ("", "has an empty or '.' component"),
        (f"{DATA}/data//tmp/x", "has an empty or '.' component"),
        (f"{DATA}//purelib/a", "has an empty or '.' component"),
        ("a\\b", "holds a backslash"),
        ("..\\a", "holds a backslash"),
        ("C:\\a", "holds a backslash"),
        ("a\nb", "holds a control character"),
        ("a\x1b[2J", "holds a control character"),
        ("a\x7f", "holds a control character"),
        ("a\x85b", "holds a control character"),
        ("a\u200bb", "holds a control character"),
        ("\ufeffa", "holds a control character"),
        ("a\ue000", "holds a control character"),
        ("a/" * 2048 + "b", "is longer than 4096 bytes"),
        ("ä" * 128 + ".py", "has a component of more than 255 bytes"),
        ("a/" + "b" * 256, "has a component of more than 255 bytes"),
        ("é/" * 1366, "is longer than 4096 bytes"),
        ("a/" * 200 + "b", "has more than 128 components"),
        (".wheelfix/journal", "has a component that begins with '.wheelfix'"),
        (".wheelfix-1", "has a component that begins with '.wheelfix'"),
        ("a/.WheelFix/journal", "has a component that begins with '.wheelfix'"),
        (f"{DATA}/data/lib/.wheelfix/journal", "has a component that begins with '.wheelfix'"),
        (f"{DATA}/scripts/.wheelfix", "has a component that begins with '.wheelfix'"),
        # on these installer never returns: 1.x on the first, 0.7.0 on all three
        (DATA, "is no file of a scheme in the .data folder"),
        (f"{DATA}base/a.py", "is no file of a scheme in the .data folder"),
        (f"{DATA}.py", "is no file of a scheme in the .data folder"),
        # ... and on these it fails after the first file
        (f"{DATA}/purelib", "is no file of a scheme in the .data folder"),
        (f"{DATA}/a.py", "is no file of a scheme in the .data folder"),
        (f"{DATA}/lib/a.py", "is in no known scheme of the .data folder"),
        (f"{DATA}/lib/", "is in no known scheme of the .data folder"),
        (f"{DATA}/Purelib/a.py", "is in no known scheme of the .data folder"),
    ],
)
def test_an_unsafe_path(tmp_path: Path, path: str, sentence: str) -> None:
    wheel = make_wheel(
        tmp_path, {"good.py": "1"}, extra_members=[(path, b"")], list_extra_members=True
    )
    assert_refused(wheel, codes.UNSAFE_MEMBER, sentence)
    assert refusal(wheel).sentence.startswith(repr(path))


@pytest.mark.parametrize(
    "path",
    [
        "a/..b",
        "a/b..",
        "...",
        "folder/",
        f"{DATA}/",
        f"{DATA}/scripts/",
        f"{DATA}/purelib/a.py",
        f"{DATA}/platlib/a/b.so",
        f"{DATA}/headers/a.h",
        f"{DATA}/data/share/a",
        "other-1.0.data/a",
        "example-1.0.dat",
        "ä/ö.py",
        "a b.py",
        "a" * 255,
        "ä" * 127,
        "a/" * 127 + "b",
        "wheelfix/a.py",
        "a.wheelfix",
    ],
)
def test_a_safe_path(tmp_path: Path, path: str) -> None:
    with WheelArchive.open(
        make_wheel(tmp_path, {"good.py": "1"}, extra_members=[(path, b"")], list_extra_members=True)
    ) as archive:
        assert (path in archive.paths) == (not path.endswith("/"))


@pytest.mark.parametrize(
    "path",
    [
        "a.py",
        "pkg/a.py",
        f"{INFO}/licenses/LICENSE",
        f"{DATA}/purelib/a.py",
        f"{DATA}/platlib/a/b.so",
        f"{DATA}/scripts/run",
        f"{DATA}/headers/a/b/c.h",
        f"{DATA}/data/share/a",
    ],
)
@pytest.mark.parametrize("root", ["purelib", "platlib"])
def test_schemes_are_installers(tmp_path: Path, path: str, root: Any) -> None:
    with WheelArchive.open(make_wheel(tmp_path, {path: ""})) as archive:
        assert scheme_of(path, archive, root) == _determine_scheme(path, archive, root)


@pytest.mark.parametrize("paths", [("pkg", "pkg/a.py"), ("a/b", "a/b/c/d"), ("a/b", "a/b/c/d/e")])
def test_a_file_that_is_a_folder_too(tmp_path: Path, paths: tuple[str, str]) -> None:
    path = make_wheel(tmp_path, dict.fromkeys(paths, ""))
    assert_refused(path, codes.UNSAFE_MEMBER, f"{paths[0]!r} is a file and a folder at once")


def test_a_null_in_a_name_hides_nothing(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, extra_members=[("b.py_x", b"2")])
    path.write_bytes(path.read_bytes().replace(b"b.py_x", b"a.py\0x"))
    assert_refused(path, codes.UNSAFE_MEMBER, "'a.py\\x00x' holds a control character")


# --- WF409: entry points


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("run = a:b\n", "entry_points.txt can't be read: File contains no section headers"),
        ("[console_scripts]\nrun\n", "entry_points.txt can't be read: "),
        ("[console_scripts]\nrun = a:b\nrun = a:c\n", "entry_points.txt can't be read: "),
        ("[console_scripts]\n[console_scripts]\n", "entry_points.txt can't be read: "),
        ("[console_scripts]\nrun = %(a)s:b\n", "entry_points.txt can't be read: "),
        ("[console_scripts]\nrun = a\n", "entry_points.txt can't be read: malformed reference"),
        ("[console_scripts]\nrun = a b:c\n", "entry_points.txt can't be read: malformed reference"),
        ("[gui_scripts]\nrun = ?\n", "entry_points.txt can't be read: malformed reference"),
        ("[console_scripts]\na/b = a:b\n", "'a/b' can't be a script's name"),
        ("[console_scripts]\n../run = a:b\n", "'../run' can't be a script's name"),
        ("[console_scripts]\n/run = a:b\n", "'/run' can't be a script's name"),
        ("[console_scripts]\n.. = a:b\n", "'..' can't be a script's name"),
        ("[console_scripts]\n. = a:b\n", "'.' can't be a script's name"),
        ("[gui_scripts]\na\\b = a:b\n", "'a\\\\b' can't be a script's name"),
        ("[console_scripts]\n= a:b\n", "entry_points.txt can't be read: "),
        ("[gui_scripts]\n\u00a0 = a:b\n", "entry_points.txt can't be read: "),
        ("[gui_scripts]\n.wheelfix = a:b\n", "'.wheelfix' can't be a script's name"),
        ("[gui_scripts]\na\x1bb = a:b\n", "'a\\x1bb' can't be a script's name"),
    ],
)
def test_entry_points_that_cannot_be_read(tmp_path: Path, text: str, sentence: str) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, entry_points=text)
    assert_refused(path, codes.BAD_ENTRY_POINTS, sentence)


def test_entry_points_that_are_no_text(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {f"{INFO}/entry_points.txt": b"\xff"})
    assert_refused(path, codes.BAD_ENTRY_POINTS, "entry_points.txt is not UTF-8 text")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[console_scripts]\nrun = a:b\nrun.2 = a.b:c.d [extra]\n[gui_scripts]\ngui = a:b\n",
        # sections of others are not installer's affair
        "[console_scripts]\nrun = a:b\n[other]\na/b = a\n",
    ],
)
def test_good_entry_points(tmp_path: Path, text: str) -> None:
    with WheelArchive.open(make_wheel(tmp_path, {"a.py": "1"}, entry_points=text)) as archive:
        assert archive.read_dist_info("entry_points.txt") == text


# --- WF413: members that can't be read


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"})
    change_member(path, "a.py", 8, "H", 1)
    assert_refused(path, codes.DAMAGED_MEMBER, "'a.py' is encrypted")


@pytest.mark.parametrize("method", [1, 9, 93, 97])
def test_a_member_compressed_in_an_unknown_way(tmp_path: Path, method: int) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"})
    change_member(path, "a.py", 10, "H", method)
    assert_refused(path, codes.DAMAGED_MEMBER, "'a.py' is compressed in an unknown way")


def wrong_crc(path: Path) -> None:
    change_member(path, "ä.bin", 16, "I", 1)


def larger(path: Path) -> None:
    change_member(path, "ä.bin", 24, "I", 20_001)


def smaller(path: Path) -> None:
    change_member(path, "ä.bin", 24, "I", 19_999)


def zeroed(path: Path) -> None:
    change_data(path, "ä.bin", b"\0" * 30)


def all_ones(path: Path) -> None:
    change_data(path, "ä.bin", b"\xff" * 30)


METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def read_in_pieces(archive: WheelArchive, size: int) -> None:
    with archive.open_member("ä.bin") as stream:
        while stream.read(size):
            pass


def read_behind_the_end(archive: WheelArchive) -> None:
    with archive.open_member("ä.bin") as stream:
        stream.seek(20_000)
        stream.read()


def wheel_with(folder: Path, method: int, content: bytes) -> Path:
    member = zipfile.ZipInfo("ä.bin")
    member.compress_type = method
    return make_wheel(
        folder, {"a.py": "1"}, extra_members=[(member, content)], list_extra_members=True
    )


@pytest.mark.parametrize("damage", [wrong_crc, larger, smaller, zeroed, all_ones])
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("size", [-1, 64])
def test_a_damaged_member(
    tmp_path: Path, damage: Callable[[Path], None], method: int, size: int
) -> None:
    path = wheel_with(tmp_path, method, random.Random(1).randbytes(1000) * 20)
    damage(path)
    with WheelArchive.open(path, validate_record="entries") as archive:
        with pytest.raises(InvalidWheelError) as caught:
            read_in_pieces(archive, size)
        with pytest.raises(InvalidWheelError):
            read_behind_the_end(archive)
    (finding,) = caught.value.findings
    assert (finding.code, finding.subject) == (codes.DAMAGED_MEMBER, WHEEL)
    assert finding.sentence


@pytest.mark.parametrize("name", ["WHEEL", "RECORD", "entry_points.txt"])
def test_damaged_metadata(tmp_path: Path, name: str) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, entry_points="")
    change_member(path, f"{INFO}/{name}", 16, "I", 1)
    assert_refused(path, codes.DAMAGED_MEMBER, "its content has another CRC-32")


def test_damage_is_told_while_contents_are_given_out(tmp_path: Path) -> None:
    path = wheel_with(tmp_path, zipfile.ZIP_DEFLATED, b"1")
    wrong_crc(path)
    with WheelArchive.open(path) as archive:
        contents = (stream.read() for _, stream, _ in archive.get_contents())
        with pytest.raises(InvalidWheelError, match="WF413"):
            list(contents)


# --- what is given out


@pytest.fixture
def good_wheel(tmp_path: Path) -> Path:
    return make_wheel(
        tmp_path,
        {
            "pkg/__init__.py": "",
            "pkg/run.sh": "#!/bin/sh\n",
            f"{DATA}/scripts/run": "#!python\n",
            f"{DATA}/data/share/x": b"\0" * 100_000,
            f"{INFO}/licenses/LICENSE": "MIT",
        },
        entry_points="[console_scripts]\nrun2 = pkg:main\n",
        executable=["pkg/run.sh", f"{DATA}/scripts/run"],
        extra_members=[("folder/", b""), (f"{INFO}/RECORD.jws", b"1")],
    )


def test_the_face_is_that_of_installers_wheel_file(good_wheel: Path) -> None:
    with both(good_wheel) as (ours, theirs):
        assert (ours.distribution, ours.version) == (theirs.distribution, theirs.version)
        assert (ours.dist_info_dir, ours.data_dir) == (theirs.dist_info_dir, theirs.data_dir)
        assert ours.dist_info_filenames == theirs.dist_info_filenames
        assert "licenses/LICENSE" in ours.dist_info_filenames
        for name in ours.dist_info_filenames:
            assert ours.read_dist_info(name) == theirs.read_dist_info(name)


def test_contents_are_those_of_installers_wheel_file(good_wheel: Path) -> None:
    with both(good_wheel) as (ours, theirs):
        contents, expected = (
            [(row, stream.read(), executable) for row, stream, executable in source.get_contents()]
            for source in (ours, theirs)
        )
    assert contents == expected
    assert (f"{INFO}/RECORD.jws", "", "") in [row for row, _, _ in contents]
    assert [row[0] for row, _, executable in contents if executable] == [
        "pkg/run.sh",
        f"{DATA}/scripts/run",
    ]


def test_contents_can_be_had_again(good_wheel: Path) -> None:
    with WheelArchive.open(good_wheel) as archive:
        first, second = ([row for row, _, _ in archive.get_contents()] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_member_is_a_stream(tmp_path: Path, method: int) -> None:
    with WheelArchive.open(wheel_with(tmp_path, method, b"0123456789")) as archive:
        stream = archive.open_member("ä.bin")
        assert stream.readable()
        assert stream.seekable()
        assert not stream.writable()
        assert (stream.read(2), stream.tell()) == (b"01", 2)
        assert (stream.seek(8), stream.read()) == (8, b"89")
        assert (stream.seek(-1, io.SEEK_END), stream.read(-1)) == (9, b"9")
        stream.seek(0)
        # as fix_shebang and shutil read
        assert stream.readline() == b"0123456789"
        stream.seek(5)
        buffer = bytearray(3)
        assert (stream.readinto(buffer), bytes(buffer)) == (3, b"567")  # type: ignore[attr-defined]
        stream.close()
        assert stream.closed


def test_none_reads_to_the_end(good_wheel: Path) -> None:
    with WheelArchive.open(good_wheel) as archive, archive.open_member("pkg/run.sh") as stream:
        assert stream.read(None) == b"#!/bin/sh\n"  # type: ignore[arg-type]


def test_a_member_that_is_not_there(good_wheel: Path) -> None:
    with WheelArchive.open(good_wheel) as archive:
        with pytest.raises(KeyError):
            archive.open_member("nothing")
        with pytest.raises(KeyError):
            archive.read_dist_info("nothing")
