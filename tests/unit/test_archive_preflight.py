"""What makes a wheel that is a sound archive be refused or warned of, with the exact key that lets it through."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from installer.utils import parse_metadata_file

from support.refusals import assert_refused, refusal, warnings_of
from support.wheel_maker import make_wheel, record_hash, symbolic_link
from support.zip_damage import change_data
from wheelfix import codes
from wheelfix.archive import WheelArchive
from wheelfix.errors import InvalidWheelError

if TYPE_CHECKING:
    from pathlib import Path

    from wheelfix.codes import Code

INFO = "example-1.0.dist-info"
DATA = "example-1.0.data"
CONTENT = b"x = 1\n"
HASH = record_hash(CONTENT)
MEGABYTE = 1024 * 1024


def refused_codes(path: Path, **arguments: Any) -> list[str]:
    with pytest.raises(InvalidWheelError) as caught, WheelArchive.open(path, **arguments):
        pass
    return [finding.code.id for finding in caught.value.findings]


def assert_allowed(path: Path, code: Code, sentence: str) -> None:
    """Hold that its own code, and no other, lets the wheel through, and that this is told."""
    assert_refused(path, code, sentence)
    others = {other.id for other in codes.CODES.values()} - {code.id}
    assert refused_codes(path, allow=others) == [code.id]
    (finding,) = warnings_of(path, allow=code.id)
    assert (finding.code, finding.allowed) == (code, True)


def assert_warned(path: Path, code: Code, sentence: str) -> None:
    (finding,) = warnings_of(path)
    assert (finding.code, finding.subject) == (code, path.name)
    assert sentence in finding.sentence


def test_all_that_refuses_is_told_at_once(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path,
        {"a.py": CONTENT},
        record_rows={"a.py": None},
        metadata="",
        without=["METADATA"],
        entry_points="[console_scripts]\npython = a:b\n../x = a:b\n",
    )
    assert refused_codes(path) == ["WF423", "WF407", "WF424", "WF409"]
    assert refused_codes(path, allow={"WF407", "WF423", "WF424", "WF409"}) == ["WF409"]


# --- WF410, WF417: duplicates


def with_duplicate(folder: Path, first: bytes, second: bytes) -> Path:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return make_wheel(folder, {"a.py": first}, extra_members=[("a.py", second)])


def test_the_same_member_with_another_content(tmp_path: Path) -> None:
    path = with_duplicate(tmp_path, b"1", b"2")
    assert_refused(path, codes.DUPLICATE_MEMBER, "'a.py' is in the archive more than once, with")


def test_the_same_member_with_the_same_content(tmp_path: Path) -> None:
    path = with_duplicate(tmp_path, CONTENT, CONTENT)
    assert_warned(path, codes.SAME_MEMBER_TWICE, "'a.py' is in the archive more than once")
    with WheelArchive.open(path) as archive:
        assert archive.paths.count("a.py") == 1
        assert [row for row, _, _ in archive.get_contents()].count(("a.py", HASH, "6")) == 1


def test_a_folder_twice(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = make_wheel(tmp_path, {"a.py": "1"}, extra_members=[("b/", b"")] * 2)
    assert_warned(path, codes.SAME_MEMBER_TWICE, "'b/' is in the archive more than once")


def test_the_same_crc_is_not_the_same_content(tmp_path: Path) -> None:
    first, second = b"plumless", b"buckeroo"
    assert crc32(first) == crc32(second)
    path = with_duplicate(tmp_path, first, second)
    assert_refused(path, codes.DUPLICATE_MEMBER, "with different contents")


def test_duplicates_that_cannot_be_compared(tmp_path: Path) -> None:
    path = with_duplicate(tmp_path, CONTENT, CONTENT)
    change_data(path, "a.py", b"\xff" * 6)
    assert refusal(path).code is codes.DAMAGED_MEMBER


def test_a_path_twice_by_its_data_folder(tmp_path: Path) -> None:
    files = {f"{DATA}/scripts/run": "1", "Example-1.0.data/scripts/run": "2"}
    path = make_wheel(tmp_path, files)
    assert refusal(path).code is codes.DUPLICATE_MEMBER


# --- WF416, WF413, WF419: how members are packed


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_unusual_compression(tmp_path: Path, method: int) -> None:
    member = zipfile.ZipInfo("a.bin")
    member.compress_type = method
    path = make_wheel(tmp_path, {}, extra_members=[(member, b"1")], list_extra_members=True)
    assert_warned(path, codes.UNUSUAL_COMPRESSION, "'a.bin' is compressed with bzip2 or LZMA")


def test_a_folder_with_content(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, extra_members=[("b/", b"2")])
    assert_allowed(path, codes.AMBIGUOUS_ARCHIVE, "'b/' is a folder with content")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"a.bin": b"\0" * (65 * MEGABYTE)}, "'a.bin' unpacks to more than 100 times its size"),
        (
            {"a.bin": b"\0" * (40 * MEGABYTE), "b.bin": b"\0" * (40 * MEGABYTE)},
            "more than 100 times as much",
        ),
    ],
)
def test_a_wheel_that_unpacks_to_far_more(
    tmp_path: Path, files: dict[str, bytes], sentence: str
) -> None:
    assert_allowed(make_wheel(tmp_path, files), codes.TOO_LARGE, sentence)


def test_what_unpacks_to_little_may_be_compressed_well(tmp_path: Path) -> None:
    assert warnings_of(make_wheel(tmp_path, {"a.bin": b"\0" * (60 * MEGABYTE)})) == []


# --- WF418, WF425, WF428: what is worth a word


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (["con.py"], "'con.py' can't be had on Windows"),
        (["a/AUX"], "'a/AUX' can't be had on Windows"),
        (["nul/a.py"], "'nul/a.py' can't be had on Windows"),
        (["lpt1.tar.gz", "com\u00b9"], "'lpt1.tar.gz' and 1 more can't be had on Windows"),
        (["a./b"], "'a./b' can't be had on Windows"),
        (["a.py "], "'a.py ' can't be had on Windows"),
        (["x.py:stream"], "'x.py:stream' can't be had on Windows"),
        (["what?"], "'what?' can't be had on Windows"),
        (["A.py", "a.py"], "'a.py' can't be told from another path where case doesn't count"),
        (["A/b.py", "a/c.py"], "'a' can't be told from another path where case doesn't count"),
        (
            ["\u00e9.py", "e\u0301.py"],
            "can't be told from another path where Unicode is normalised",
        ),
    ],
)
def test_names_that_some_file_systems_do_not_have(
    tmp_path: Path, files: list[str], sentence: str
) -> None:
    path = make_wheel(tmp_path, dict.fromkeys(files, ""))
    assert_warned(path, codes.NAME_NOT_PORTABLE, sentence)


@pytest.mark.parametrize(
    "files",
    [["console.py", "a/auxiliary", "com.py", "lpt10", "a.b/c", "a b"], ["a.py", "b/A.py", "é.py"]],
)
def test_names_that_every_file_system_has(tmp_path: Path, files: list[str]) -> None:
    assert warnings_of(make_wheel(tmp_path, dict.fromkeys(files, ""))) == []


def test_a_symbolic_link(tmp_path: Path) -> None:
    link = symbolic_link("a.so", "/etc/passwd")
    path = make_wheel(tmp_path, {}, extra_members=[link], list_extra_members=True)
    assert_warned(path, codes.SYMBOLIC_LINK_MEMBER, "'a.so' is marked as a symbolic link")
    with WheelArchive.open(path) as archive, archive.open_member("a.so") as stream:
        assert stream.read() == b"/etc/passwd"
        assert not archive.packed_member("a.so").is_executable


@pytest.mark.parametrize(
    "file", ["a.pth", "a.start", f"{DATA}/purelib/a.pth", f"{DATA}/platlib/a.start"]
)
def test_what_runs_at_every_start(tmp_path: Path, file: str) -> None:
    path = make_wheel(tmp_path, {file: ""})
    assert_warned(path, codes.RUNS_AT_START_UP, f"{file!r} is read at every start of Python")


@pytest.mark.parametrize("file", ["pkg/a.pth", f"{DATA}/purelib/pkg/a.pth", f"{DATA}/data/a.pth"])
def test_what_python_does_not_look_at(tmp_path: Path, file: str) -> None:
    assert warnings_of(make_wheel(tmp_path, {file: ""})) == []


# --- WF424: names of the interpreter

INTERPRETERS = [
    "python",
    "python3",
    "python3.11",
    "python3.14t",
    "python2.7",
    "pythonw",
    "pythonw3.13t",
    "Python.exe",
    "python3.exe",
    "pypy",
    "pypy3",
    "pypy3.11",
    "graalpy",
]
OTHERS = ["python-config", "ipython", "python3-config", "pythonista", "py", "pyt", "bpython3"]


@pytest.mark.parametrize("name", INTERPRETERS)
def test_an_entry_point_that_shadows_the_interpreter(tmp_path: Path, name: str) -> None:
    path = make_wheel(tmp_path, {}, entry_points=f"[console_scripts]\n{name} = a:b\n")
    sentence = f"the entry point {name!r} bears the name of the interpreter"
    assert_allowed(path, codes.SHADOWS_INTERPRETER, sentence)


@pytest.mark.parametrize("name", INTERPRETERS)
@pytest.mark.parametrize("folder", ["scripts", "data/bin", "data/Scripts"])
def test_a_script_that_shadows_the_interpreter(tmp_path: Path, name: str, folder: str) -> None:
    path = make_wheel(tmp_path, {f"{DATA}/{folder}/{name}": "#!/bin/sh\n"})
    sentence = f"'{DATA}/{folder}/{name}' bears the name of the interpreter"
    assert_allowed(path, codes.SHADOWS_INTERPRETER, sentence)


def test_other_scripts(tmp_path: Path) -> None:
    lines = "".join(f"{name} = a:b\n" for name in OTHERS)
    files = {f"{DATA}/scripts/{name}": "" for name in OTHERS}
    nested = {f"{DATA}/scripts/pkg/python": "", f"{DATA}/data/share/python": "", "bin/python": ""}
    entry_points = f"[console_scripts]\n{lines}"
    assert warnings_of(make_wheel(tmp_path, {**files, **nested}, entry_points=entry_points)) == []


# --- WF422, WF423: dist-info and METADATA


def renamed(path: Path, name: str) -> Path:
    return path.rename(path.parent / name)


def test_the_dist_info_of_another_version(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {f"{INFO}/METADATA": "Name: example\nVersion: 2.0\n"})
    path = renamed(path, "example-2.0-py3-none-any.whl")
    sentence = f"the dist-info folder {INFO!r} is of another version than 2.0"
    assert_allowed(path, codes.VERSION_DISAGREES, sentence)


@pytest.mark.parametrize(
    ("version", "file_version"),
    [("1.0", "1"), ("1.0", "1.0.0"), ("1.0.RC1", "1.0rc1"), ("1.0+a_b", "1.0+a.b"), ("x_y", "X_y")],
)
def test_versions_are_compared_normalised(tmp_path: Path, version: str, file_version: str) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, version=version)
    assert warnings_of(renamed(path, f"example-{file_version}-py3-none-any.whl")) == []


def test_versions_that_are_none(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {f"{INFO}/METADATA": "Name: example\nVersion: one\n"})
    assert_allowed(path, codes.VERSION_DISAGREES, "METADATA is that of version 'one'")


def test_without_metadata(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"}, without=["METADATA"])
    assert_allowed(path, codes.BAD_METADATA, "there is no METADATA in the dist-info folder")


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        (b"Name: example\nVersion: 1.0\n\n\xff", "METADATA is not UTF-8 text"),
        (b"", "METADATA has no Name or no Version"),
        (b"Name: example\n", "METADATA has no Name or no Version"),
        (b"Version: 1.0\n", "METADATA has no Name or no Version"),
        (b"Metadata-Version: 2.1\n\nName: example\nVersion: 1.0\n", "has no Name or no Version"),
        (b"Name: other\nVersion: 1.0\n", "METADATA is that of 'other'"),
    ],
)
def test_metadata_that_is_not_the_wheels(tmp_path: Path, metadata: bytes, sentence: str) -> None:
    path = make_wheel(tmp_path, {f"{INFO}/METADATA": metadata})
    assert_allowed(path, codes.BAD_METADATA, sentence)


@pytest.mark.parametrize(
    "metadata",
    [
        "Name: EXAMPLE\nVersion: 1.0\n",
        "name:example\r\nversion: 1.0.0\r\n\r\nName: other\r\n",
        "Metadata-Version: 2.1\nName: example\nVersion: 1\n\nVersion: 2\n",
    ],
)
def test_good_metadata(tmp_path: Path, metadata: str) -> None:
    assert warnings_of(make_wheel(tmp_path, {f"{INFO}/METADATA": metadata})) == []


def test_tags_in_wheel_do_not_decide(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {}, wheel_fields={"Tag": ["cp27-cp27m-win32", "nonsense"]})
    assert warnings_of(path) == []


@pytest.mark.parametrize("written", ["true", "True", "TRUE", "true ", "\n True", "True\r"])
def test_installer_reads_root_is_purelib_as_pip_does(tmp_path: Path, written: str) -> None:
    path = make_wheel(tmp_path, {}, wheel_fields={"Root-Is-Purelib": written})
    with WheelArchive.open(path) as archive:
        assert archive.root_scheme == "purelib"
        assert parse_metadata_file(archive.read_dist_info("WHEEL"))["Root-Is-Purelib"] == "true"


# --- WF426: .data folders


@pytest.mark.parametrize("folder", ["Example-1.0.data", "EXAMPLE-1.data", "example-2.data"])
def test_a_data_folder_that_is_the_wheels_when_normalised(tmp_path: Path, folder: str) -> None:
    path = make_wheel(tmp_path, {f"{folder}/scripts/run": "#!python\n", "a.py": ""})
    assert_warned(path, codes.DATA_FOLDER_NAME, f"the folder {folder!r} was taken for {DATA!r}")
    with WheelArchive.open(path) as archive:
        assert f"{DATA}/scripts/run" in archive.paths
        rows = [row for row, _, _ in archive.get_contents()]
        archive.validate_record()
    assert (f"{DATA}/scripts/run", record_hash(b"#!python\n"), "9") in rows


@pytest.mark.parametrize(
    "file", ["other-1.0.data/scripts/run", "example.data/a", "pkg/example-1.0.data/a", "a.data"]
)
def test_other_data_folders_are_ordinary(tmp_path: Path, file: str) -> None:
    path = make_wheel(tmp_path, {file: ""})
    assert warnings_of(path) == []
    with WheelArchive.open(path) as archive:
        assert file in archive.paths


@pytest.mark.parametrize("file", ["Example-1.0.data/lib/a", "Example-1.0.data/a"])
def test_such_a_data_folder_must_have_schemes_too(tmp_path: Path, file: str) -> None:
    path = make_wheel(tmp_path, {file: ""})
    assert_refused(path, codes.UNSAFE_MEMBER, "the .data folder")


# --- WF406, WF407, WF420, WF421: RECORD


@pytest.mark.parametrize(
    ("rows", "subject", "sentence"),
    [
        ({"a.py": None}, "a.py", "it is not listed in RECORD"),
        ({"a.py": ("", "6")}, "a.py", "RECORD lists no hash or no size for it"),
        ({"a.py": (HASH, "")}, "a.py", "RECORD lists no hash or no size for it"),
        (
            {f"{INFO}/RECORD": (HASH, "6")},
            f"{INFO}/RECORD",
            "RECORD must not list its own hash or size",
        ),
        ({f"{INFO}/METADATA": None}, f"{INFO}/METADATA", "it is not listed in RECORD"),
    ],
)
def test_rows_that_disagree(
    tmp_path: Path, rows: dict[str, tuple[str, str] | None], subject: str, sentence: str
) -> None:
    path = make_wheel(tmp_path, {"a.py": CONTENT}, record_rows=rows)
    found = refusal(path)
    assert (found.code, found.subject, found.sentence) == (
        codes.RECORD_DISAGREES,
        subject,
        sentence,
    )
    assert refused_codes(path, validate_record="entries") == ["WF407"]
    for options in ({"allow": "WF407"}, {"validate_record": "none"}):
        (finding,) = warnings_of(path, **options)
        assert (finding.code, finding.allowed) == (codes.RECORD_DISAGREES, True)


def test_a_size_that_disagrees_is_about_the_content(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": CONTENT}, record_rows={"a.py": (HASH, "7")})
    assert refusal(path).sentence == "it has 6 bytes, RECORD says 7"
    for validation in ("entries", "none"):
        (finding,) = warnings_of(path, validate_record=validation)
        assert (finding.code, finding.allowed) == (codes.RECORD_DISAGREES, True)


def test_a_size_may_be_written_with_zeros(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": CONTENT}, record_rows={"a.py": (HASH, "006")})
    assert warnings_of(path) == []


def test_a_hash_that_disagrees_is_left_to_whoever_reads_the_content(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": CONTENT}, record_rows={"a.py": (record_hash(b""), "6")})
    assert warnings_of(path) == []
    for validation, must_match in (("all", True), ("entries", False), ("none", False)):
        with WheelArchive.open(path, validate_record=validation) as archive:
            packed = archive.packed_member("a.py")
        assert (packed.record_hash, packed.must_match) == (record_hash(b""), must_match)


@pytest.mark.parametrize(
    "written",
    [
        f"{HASH}=",
        f"sha256={hashlib.sha256(CONTENT).hexdigest()}",
        "sha256=",
        f"sha512={HASH.partition('=')[2]}",
    ],
)
def test_a_digest_that_is_not_base64(tmp_path: Path, written: str) -> None:
    path = make_wheel(tmp_path, {"a.py": CONTENT}, record_rows={"a.py": (written, "6")})
    sentence = "RECORD writes the hash of 'a.py' not in urlsafe base64"
    assert_allowed(path, codes.RECORD_DISAGREES, sentence)
    for validation in ("entries", "none"):
        (finding,) = warnings_of(path, validate_record=validation)
        assert (finding.code, finding.allowed) == (codes.RECORD_DISAGREES, True)


def test_several_hashes(tmp_path: Path) -> None:
    rows = {"a.py": (record_hash(CONTENT, "sha512"), "6"), "c.py": ("sha256=", "6")}
    path = make_wheel(tmp_path, {"a.py": CONTENT, "b.py": CONTENT}, record_rows=rows)
    assert_warned(path, codes.RECORD_ROW_IGNORED, "RECORD lists 'c.py'")


def record_text(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_rows_that_disagree(tmp_path: Path, order: tuple[int, int]) -> None:
    right = f"a.py,{HASH},6"
    both = [right, f"a.py,{record_hash(b'')},6"]
    path = make_wheel(tmp_path, {"a.py": CONTENT})
    with zipfile.ZipFile(path) as archive:
        record = archive.read(f"{INFO}/RECORD").decode().splitlines()
    rest = [row for row in record if row != right]
    text = record_text(*(both[n] for n in order), *rest)
    path = make_wheel(tmp_path, {"a.py": CONTENT}, record=text)
    found = refusal(path)
    assert (found.subject, found.sentence) == (
        "a.py",
        "RECORD has several rows for it, which disagree",
    )
    text = record_text(right, right, *rest)
    assert warnings_of(make_wheel(tmp_path, {"a.py": CONTENT}, record=text)) == []


@pytest.mark.parametrize("path", ["b.py", "../../../victim", "/etc/passwd", "a.py/"])
def test_a_row_for_no_member(tmp_path: Path, path: str) -> None:
    wheel = make_wheel(tmp_path, {"a.py": CONTENT}, record_rows={path: (HASH, "6")})
    assert_warned(
        wheel, codes.RECORD_ROW_IGNORED, f"RECORD lists {path!r}, which is not in the archive"
    )


def test_a_row_with_backslashes(tmp_path: Path) -> None:
    rows = {"a/b.py": None, "a\\b.py": (HASH, "6")}
    assert warnings_of(make_wheel(tmp_path, {"a/b.py": CONTENT}, record_rows=rows)) == []


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224", "sha3_224"])
def test_a_weak_hash(tmp_path: Path, algorithm: str) -> None:
    path = make_wheel(tmp_path, {"a.py": CONTENT}, hash_algorithm=algorithm)
    assert_allowed(path, codes.WEAK_HASH, f"RECORD uses {algorithm}")
    assert refused_codes(path, validate_record="entries") == ["WF420"]
    (finding,) = warnings_of(path, validate_record="none")
    assert (finding.code, finding.allowed) == (codes.WEAK_HASH, True)


@pytest.mark.parametrize(
    "algorithm",
    ["sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s"],
)
def test_a_strong_hash(tmp_path: Path, algorithm: str) -> None:
    path = make_wheel(tmp_path, {"a.py": CONTENT}, hash_algorithm=algorithm)
    assert warnings_of(path) == []
    with WheelArchive.open(path) as archive:
        archive.validate_record()


def test_a_weak_hash_of_no_member(tmp_path: Path) -> None:
    rows = {"b.py": (record_hash(CONTENT, "md5"), "6")}
    path = make_wheel(tmp_path, {"a.py": CONTENT}, record_rows=rows)
    assert_warned(path, codes.RECORD_ROW_IGNORED, "RECORD lists 'b.py'")


@pytest.mark.parametrize(
    "arguments", [{"record": "a.py\n"}, {"without": ["RECORD"]}, {"record": b"\xff"}]
)
def test_a_record_that_cannot_be_read_is_a_warning_where_none_is_asked_for(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    path = make_wheel(tmp_path, {"a.py": CONTENT}, **arguments)
    assert refused_codes(path, allow={"WF406"}) == ["WF406"]
    assert refused_codes(path, validate_record="entries") == ["WF406"]
    (finding,) = warnings_of(path, validate_record="none")
    assert (finding.code, finding.allowed) == (codes.BAD_RECORD, True)
    with WheelArchive.open(path, validate_record="none") as archive:
        assert ("a.py", "", "") in [row for row, _, _ in archive.get_contents()]
