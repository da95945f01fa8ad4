"""What becomes of each hostile or odd wheel: the tables, and that it is so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.attack_wheels import (
    DATA,
    INFO,
    OUTSIDE,
    archive,
    brings,
    compressed,
    damaged,
    entry_points,
    metadata,
    named,
    no_wheel,
    record,
    record_rows,
    script,
    standard_base64,
    tar_archive,
    typed,
    wheel,
    without,
)
from support.attacked import EVERY_KEY, SITE, Place
from support.installed_maker import hashed
from support.raw_zip import RawMember, raw_zip
from support.wheel_maker import record_hash
from wheelfix.codes import CODES

if TYPE_CHECKING:
    from pathlib import Path

    from support.attack_wheels import Maker

NEVER: list[str] = []
AMBIGUOUS = ["--allow WF415"]
NO_RECORD = "--validate-record none"
LISTED = ["--allow WF407", NO_RECORD]
OVERWRITE = ["--overwrite-existing"]
CONTENT = [*LISTED, "--validate-record entries"]

OTHER = RawMember(name=b"other.py", content=b"y = 2\n")
INFO_OTHER = "other-1.0.dist-info"
HUGE = b"\0" * (65 * 1024 * 1024)


def _sized(size: int) -> dict[str, dict[str, int]]:
    return {"local": {"size": size}, "central": {"size": size}}


#: the attack, the wheel, the codes that refuse it, and each way in which a user can let it through
REFUSED: list[tuple[str, Maker, str, list[str]]] = [
    # --- paths that lead out
    ("parent folder", brings("../x"), "WF408", NEVER),
    ("parent folders", brings(f"{OUTSIDE}/x"), "WF408", NEVER),
    ("parent folder behind a folder", brings("h/../../x"), "WF408", NEVER),
    ("parent folder at the end", brings("h/.."), "WF408", NEVER),
    ("a folder beside with the same beginning", brings("../site-packages-2/x"), "WF408", NEVER),
    ("a folder that leads out", brings("../x/"), "WF408 WF415", NEVER),
    ("absolute path", brings("{outside}/x"), "WF408", NEVER),
    ("absolute path with two slashes", brings("/{outside}/x"), "WF408", NEVER),
    ("parent folder in a scheme", brings(f"{DATA}/purelib/../../../x"), "WF408", NEVER),
    ("parent folder in the data scheme", brings(f"{DATA}/data/../outside/x"), "WF408", NEVER),
    ("parent folder in the scripts scheme", brings(f"{DATA}/scripts/../../x"), "WF408", NEVER),
    ("absolute path in a scheme", brings(f"{DATA}/data/{{outside}}/x"), "WF408", NEVER),
    ("a folder that is a dot", brings("./x"), "WF408", NEVER),
    ("a folder without a name", brings("h//x"), "WF408", NEVER),
    ("parent folder with backslashes", brings(r"h\..\..\x"), "WF408", NEVER),
    ("a drive with a backslash", brings(r"C:\x"), "WF408", NEVER),
    ("our own staging folder", brings(".wheelfix/new/x", ".wheelfix/journal"), "WF408", NEVER),
    ("our own staging folder in a scheme", brings(f"{DATA}/data/.WheelFix/undo"), "WF408", NEVER),
    # --- the .data folder
    ("the .data folder as a file", brings(DATA), "WF408", NEVER),
    ("a .data folder below a dot", brings(f"./{DATA}/scripts/x"), "WF408", NEVER),
    ("a scheme as a file", brings(f"{DATA}/scripts"), "WF408", NEVER),
    ("a file right in the .data folder", brings(f"{DATA}/x"), "WF408", NEVER),
    ("a name that begins with the .data folder's", brings(f"{DATA}x"), "WF408", NEVER),
    ("unknown scheme", brings(f"{DATA}/evil/x"), "WF408", NEVER),
    ("unknown scheme by another spelling", brings("Example-1.0.data/evil/x"), "WF408", NEVER),
    # --- names
    ("newline", brings("a\nb.py"), "WF408", NEVER),
    ("control character", brings("a\x1b[2Jb.py"), "WF408", NEVER),
    ("null", archive({}, RawMember(name=b"a.py\0.txt")), "WF408", NEVER),
    ("right-to-left override", brings("gpj.\u202ea.py"), "WF408", NEVER),
    ("a component of 300 characters", brings("a" * 300), "WF408", NEVER),
    ("a path of 5,000 characters", brings("/".join(["a" * 99] * 50)), "WF408", NEVER),
    ("a thousand folders", brings("a/" * 1000 + "a"), "WF408", NEVER),
    (
        "a symbolic link and a file behind it",
        typed("h", 0o120777, b"{outside}", "h/x"),
        "WF408",
        NEVER,
    ),
    ("a file that is also a folder", brings("h/a", "h/a/b"), "WF408", NEVER),
    # --- what is there twice
    ("twice, other bytes", archive({}, RawMember(b"example.py", b"y")), "WF410", NEVER),
    ("purelib and platlib, one file", brings(f"{DATA}/platlib/example.py"), "WF410", NEVER),
    (
        "twice by two data folders",
        wheel({f"{DATA}/data/x": "1", "Example-1.data/data/x": "2"}),
        "WF410",
        NEVER,
    ),
    # --- what is unpacked
    ("no deflate", damaged("no deflate"), "WF413", NEVER),
    ("another CRC-32", damaged("another CRC-32"), "WF413", NEVER),
    ("more bytes than said", archive(_sized(2)), "WF413", NEVER),
    ("fewer bytes than said", archive(_sized(2000)), "WF413", NEVER),
    ("encrypted", damaged("encrypted"), "WF413", NEVER),
    ("strongly encrypted", damaged("strongly encrypted"), "WF413", NEVER),
    ("deflate64", damaged("deflate64"), "WF413", NEVER),
    ("zstandard", damaged("zstandard"), "WF413", NEVER),
    ("65 MB of zeros in 65 KB", wheel({"a.bin": HUGE}), "WF419", ["--allow WF419"]),
    # --- the frame of the archive
    ("no archive", no_wheel(b"hello\n" * 50), "WF401", NEVER),
    ("empty file", no_wheel(b""), "WF401", NEVER),
    ("tar archive", no_wheel(tar_archive()), "WF401", NEVER),
    ("cut off", damaged("cut off"), "WF401", NEVER),
    ("no member where it should be", archive({"central": {"offset": 5}}), "WF401", NEVER),
    ("the directory before the file", archive(end={"offset": 2**31}), "WF401", NEVER),
    ("a format of the future", archive({"central": {"version": 99}}), "WF401", NEVER),
    ("not the UTF-8 that it says", archive({"name": b"\xff.py", "flags": 0x800}), "WF401", NEVER),
    ("another local name", damaged("another local name"), "WF415", AMBIGUOUS),
    ("another local method", archive({"local": {"method": 0}}), "WF415", AMBIGUOUS),
    ("another local size", archive({"local": {"size": 5}}), "WF415", AMBIGUOUS),
    ("a wrong data descriptor", archive({"flags": 8, "descriptor": b"x" * 12}), "WF415", AMBIGUOUS),
    (
        "another name in an extra field",
        archive({"central_extra": b"up\7\0\1\0\0\0\0ab"}),
        "WF415",
        AMBIGUOUS,
    ),
    ("a script before the archive", archive(prefix=b"#!/bin/sh\n"), "WF415", AMBIGUOUS),
    ("a tar archive before the archive", archive(prefix=tar_archive()), "WF415", AMBIGUOUS),
    (
        "bytes before that are counted",
        archive(prefix=b"MZ", offsets_count_prefix=True),
        "WF415",
        AMBIGUOUS,
    ),
    ("bytes behind the archive", archive(behind=b"PAYLOAD"), "WF415", AMBIGUOUS),
    ("an archive in the comment", archive(comment=raw_zip([OTHER])), "WF415", NEVER),
    ("a part of an archive in the comment", archive(comment=b"PK\3\4.."), "WF415", AMBIGUOUS),
    ("bytes between members", archive({"before": b"hello"}), "WF415", AMBIGUOUS),
    (
        "a member that the directory leaves out",
        archive(before_directory=OTHER.local_header() + OTHER.packed()),
        "WF415",
        AMBIGUOUS,
    ),
    (
        "two members in one place",
        archive({}, RawMember(b"b.py", central={"offset": 0})),
        "WF415",
        AMBIGUOUS,
    ),
    ("another number of members", archive(end={"here": 9, "count": 9}), "WF415", AMBIGUOUS),
    ("split over several files", archive(end={"disk": 1}), "WF415", AMBIGUOUS),
    ("zip64 end record elsewhere", archive(zip64=True, locator={"offset": 3}), "WF415", AMBIGUOUS),
    ("two end records that disagree", archive(zip64=True, end={"count": 2}), "WF415", AMBIGUOUS),
    ("a folder with content", archive({}, RawMember(b"h/")), "WF415", AMBIGUOUS),
    ("a name in no told encoding", archive({}, RawMember(b"\x81.py")), "WF415", AMBIGUOUS),
    # --- RECORD
    ("a wrong hash", record_rows(example=(record_hash(b""), "6")), "WF407", CONTENT),
    ("a wrong size", record_rows(example=(record_hash(b"x = 1\n"), "7")), "WF407", CONTENT),
    (
        "a hash that isn't base64",
        record_rows(example=(standard_base64(b"x = 1\n"), "6")),
        "WF407",
        CONTENT,
    ),
    ("a row without a hash", record_rows(example=("", "")), "WF407", LISTED),
    ("a member without a row", record_rows(example=None), "WF407", LISTED),
    ("all members without a row", record(""), "WF407", LISTED),
    ("two rows that disagree", archive(more_rows="example.py,sha256=x,6\n"), "WF407", LISTED),
    (
        "a hash of RECORD itself",
        record_rows(**{f"{INFO}/RECORD": ("sha256=x", "1")}),
        "WF407",
        LISTED,
    ),
    (
        "a hash that can be forged",
        wheel(hash_algorithm="md5"),
        "WF420",
        ["--allow WF420", NO_RECORD],
    ),
    ("RECORD absent", without("RECORD"), "WF406", [NO_RECORD]),
    ("RECORD with rows of two elements", record("example.py,\n"), "WF406", [NO_RECORD]),
    ("RECORD with an open quote", record('"example.py,,\n'), "WF406", [NO_RECORD]),
    ("RECORD with an unknown hash", record("example.py,crc32=x,1\n"), "WF406", [NO_RECORD]),
    ("RECORD with a size that is none", record("example.py,,-1\n"), "WF406", [NO_RECORD]),
    ("RECORD that is no text", record(b"\xff\xfe\0"), "WF406", [NO_RECORD]),
    # --- the dist-info folder
    ("two dist-info folders", brings(f"{INFO_OTHER}/METADATA"), "WF403", NEVER),
    ("two spellings of the dist-info folder", brings("Example-1.0.dist-info/x"), "WF403", NEVER),
    ("dist-info of another project", named("other-1.0-py3-none-any.whl"), "WF403", NEVER),
    (
        "dist-info of another version",
        named("example-2-py3-none-any.whl"),
        "WF422",
        ["--allow WF422"],
    ),
    ("a file name that is no wheel's", named("example.whl"), "WF402", NEVER),
    (
        "tags of another machine",
        named("example-1.0-cp27-cp27m-win32.whl"),
        "WF503",
        ["--allow WF503"],
    ),
    (
        "another distribution's dist-info in a scheme",
        brings(f"{DATA}/purelib/{INFO_OTHER}/RECORD"),
        "WF403",
        NEVER,
    ),
    (
        "the neighbour's dist-info in a scheme",
        brings(f"{DATA}/purelib/neighbour-1.0.dist-info/direct_url.json"),
        "WF403",
        NEVER,
    ),
    ("METADATA absent", without("METADATA"), "WF423", ["--allow WF423"]),
    (
        "METADATA of another project",
        metadata(METADATA="Name: other\nVersion: 1.0\n"),
        "WF423",
        ["--allow WF423"],
    ),
    (
        "METADATA of another version",
        metadata(METADATA="Name: example\nVersion: 2\n"),
        "WF422",
        ["--allow WF422"],
    ),
    ("WHEEL absent", without("WHEEL"), "WF404", NEVER),
    ("Wheel-Version 2.0", metadata(WHEEL="Wheel-Version: 2.0\n"), "WF404", NEVER),
    ("no Wheel-Version", metadata(WHEEL="Root-Is-Purelib: true\n"), "WF404", NEVER),
    # --- scripts
    ("entry point that leads out", script("../x"), "WF409", NEVER),
    ("entry point that is the folder above", script(".."), "WF409", NEVER),
    ("entry point with an absolute path", script("/tmp/x"), "WF409", NEVER),
    ("entry point in a folder", script("sub/x"), "WF409", NEVER),
    ("entry point with a backslash", script(r"sub\x"), "WF409", NEVER),
    ("entry point with a control character", script("a\x1b"), "WF409", NEVER),
    ("entry point named .wheelfix", script(".wheelfix"), "WF409", NEVER),
    ("entry point without a name", script(""), "WF409", NEVER),
    (
        "entry point without a callable",
        entry_points("[console_scripts]\nx = example\n"),
        "WF409",
        NEVER,
    ),
    ("entry points that are no ini file", entry_points("x = example:main\n"), "WF409", NEVER),
    ("entry points twice", entry_points("[console_scripts]\nx = a:b\nx = a:c\n"), "WF409", NEVER),
    ("entry points that are no text", wheel({f"{INFO}/entry_points.txt": b"\xff"}), "WF409", NEVER),
    ("entry point named as an interpreter", script("pythonw"), "WF424", ["--allow WF424"]),
    ("entry point named as this interpreter", script("python3.14t"), "WF424", ["--allow WF424"]),
    (
        "a script named as the interpreter",
        brings(f"{DATA}/scripts/pythonw3"),
        "WF424",
        ["--allow WF424"],
    ),
    ("data named as the interpreter", brings(f"{DATA}/data/bin/pypy3"), "WF424", ["--allow WF424"]),
    (
        "entry point in the place of the interpreter",
        script("python3"),
        "WF424",
        ["--allow WF424 --overwrite-existing"],
    ),
    # --- what is there already
    ("the environment's settings", brings(f"{DATA}/data/pyvenv.cfg"), "WF505", OVERWRITE),
    ("a neighbour's module", brings("neighbour/__init__.py"), "WF505", OVERWRITE),
    (
        "a neighbour's module as data",
        brings(f"{DATA}/data/{SITE}/neighbour/__init__.py"),
        "WF505",
        OVERWRITE,
    ),
    (
        "a neighbour's RECORD as data",
        brings(f"{DATA}/data/{SITE}/neighbour-1.0.dist-info/RECORD"),
        "WF403",
        NEVER,
    ),
    (
        "direct_url.json of its own as data",
        brings(f"{DATA}/data/{SITE}/{INFO}/direct_url.json"),
        "WF403",
        NEVER,
    ),
    (
        "one file by data and by scripts",
        brings(f"{DATA}/data/bin/tool", f"{DATA}/scripts/tool"),
        "WF410",
        NEVER,
    ),
    ("a file where there is a folder", brings("neighbour"), "WF506", NEVER),
    ("a folder where there is a file", brings("neighbour/__init__.py/x"), "WF506", NEVER),
]

#: what installers alone may write
FORGED = {
    f"{INFO}/INSTALLER": "pip",
    f"{INFO}/REQUESTED": "",
    f"{INFO}/direct_url.json": "{}",
    f"{INFO}/wheelfix.json": "{}",
}
FORGED_IN_SCHEME = {f"{DATA}/purelib/{path}": content for path, content in FORGED.items()}
NOT_FORGED = {
    f"{SITE}/{INFO}/INSTALLER": b"wheelfix\n",
    f"{SITE}/{INFO}/REQUESTED": None,
    f"{SITE}/{INFO}/direct_url.json": None,
}
VICTIM = ",{},{}\n".format(*hashed("outside/victim\n"))
ATTACK = b"attack\n"

#: the attack, the wheel, the codes that it is told with, and what is, or isn't, in the environment afterwards
INSTALLED: list[tuple[str, Maker, str, dict[str, bytes | None]]] = [
    # --- kinds of files
    (
        "a symbolic link",
        typed("h", 0o120777, b"/etc/passwd"),
        "WF425",
        {f"{SITE}/h": b"/etc/passwd"},
    ),
    ("set-user-ID", typed("h", 0o106755), "", {f"{SITE}/h": ATTACK}),
    ("a pipe", typed("h", 0o010644), "", {f"{SITE}/h": ATTACK}),
    ("a device", typed("h", 0o020666), "", {f"{SITE}/h": ATTACK}),
    ("bzip2", compressed(12), "WF416", {f"{SITE}/h": ATTACK}),
    ("LZMA", compressed(14), "WF416", {f"{SITE}/h": ATTACK}),
    # --- names
    ("names that differ in case", brings("A.py", "a.py"), "WF418", {f"{SITE}/A.py": ATTACK}),
    ("names that differ in Unicode", brings("\xe9", "e\u0301"), "WF418", {f"{SITE}/\xe9": ATTACK}),
    ("a device of Windows", brings("con.py"), "WF418", {f"{SITE}/con.py": ATTACK}),
    ("a device without an ending", brings("aux"), "WF418", {f"{SITE}/aux": ATTACK}),
    ("a dot at the end", brings("h."), "WF418", {f"{SITE}/h.": ATTACK}),
    ("a space at the end", brings("h "), "WF418", {f"{SITE}/h ": ATTACK}),
    ("a stream of NTFS", brings("x.py:stream"), "WF418", {f"{SITE}/x.py:stream": ATTACK}),
    ("a module of the standard library", brings("os.py"), "", {f"{SITE}/os.py": ATTACK}),
    # --- what is there twice
    ("twice, same bytes", archive({}, RawMember(b"example.py")), "WF417", {}),
    # --- RECORD
    ("a row that leads out", archive(more_rows=f"{OUTSIDE}/victim{VICTIM}"), "WF421", {}),
    ("a row with an absolute path", archive(more_rows=f"/etc/passwd{VICTIM}"), "WF421", {}),
    ("a row for the interpreter", archive(more_rows=f"../../../bin/python3{VICTIM}"), "WF421", {}),
    ("a row for a neighbour", archive(more_rows=f"neighbour/__init__.py{VICTIM}"), "WF421", {}),
    ("a row with backslashes", archive(more_rows=f"..\\..\\x{VICTIM}"), "WF421", {}),
    # --- the dist-info folder
    ("what installers write", wheel(FORGED), "WF412", NOT_FORGED),
    ("what installers write, in a scheme", wheel(FORGED_IN_SCHEME), "WF412", NOT_FORGED),
    ("Wheel-Version 1.9", metadata(WHEEL="Wheel-Version: 1.9\n"), "WF405", {}),
    ("Root-Is-Purelib in capitals", wheel(wheel_fields={"Root-Is-Purelib": "TRUE"}), "", {}),
    ("another tag in WHEEL", wheel(wheel_fields={"Tag": "cp27-cp27m-win32"}), "", {}),
    # --- the .data folder
    ("another spelling of .data", brings("Example-1.0.data/scripts/x"), "WF426", {"bin/x": ATTACK}),
    (
        "another project's .data",
        brings("other-1.0.data/scripts/x"),
        "",
        {f"{SITE}/other-1.0.data/scripts/x": ATTACK},
    ),
    # --- what runs
    ("a .pth file", brings("h.pth"), "WF428", {f"{SITE}/h.pth": ATTACK}),
    ("a .start file", brings("h.start"), "WF428", {f"{SITE}/h.start": ATTACK}),
    (
        "a .pth file in a scheme",
        brings(f"{DATA}/platlib/h.pth"),
        "WF428",
        {f"{SITE}/h.pth": ATTACK},
    ),
    ("sitecustomize", brings("sitecustomize.py"), "", {f"{SITE}/sitecustomize.py": ATTACK}),
    (
        "bytecode",
        brings("__pycache__/example.cpython-311.pyc"),
        "WF411",
        {f"{SITE}/__pycache__/example.cpython-311.pyc": None},
    ),
    (
        "a script with an entry point's name",
        script("x", {f"{DATA}/scripts/x-script.py": ""}),
        "WF414",
        {"bin/x-script.py": None},
    ),
]


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    return Place(tmp_path, capsys)


@pytest.mark.parametrize(
    ("attack", "make", "codes", "keys"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_it_is_refused_whatever_other_keys_are_given_and_nothing_is_left(
    attack: str, make: Maker, codes: str, keys: list[str], place: Place
) -> None:
    answer = place.install(make)
    assert (answer.status, answer.codes) == (1, codes.split()), attack
    printed = re.findall("To go on all the same: (--allow WF[0-9]+)", answer.errors)
    assert printed == [f"--allow {code}" for code in codes.split() if CODES[code].can_be_allowed]
    place.assert_untouched()

    answer = place.install(make, *(key for key in EVERY_KEY if key not in " ".join(keys)))
    assert answer.status == 1
    place.assert_untouched()


@pytest.mark.parametrize(
    ("attack", "make", "key"),
    [(attack, make, key) for attack, make, _, keys in REFUSED for key in keys],
    ids=[f"{attack}: {key}" for attack, _, _, keys in REFUSED for key in keys],
)
def test_its_key_lets_it_through_and_nothing_leads_out(
    attack: str, make: Maker, key: str, place: Place
) -> None:
    answer = place.install(make, key)
    assert answer.status == 0, attack
    place.assert_record_is_right(overwriting="--overwrite-existing" in key)


@pytest.mark.parametrize(
    ("attack", "make", "codes", "files"), INSTALLED, ids=[row[0] for row in INSTALLED]
)
def test_it_is_installed_and_harmless(
    attack: str, make: Maker, codes: str, files: dict[str, bytes | None], place: Place
) -> None:
    answer = place.install(make)
    assert (answer.status, answer.codes) == (0, codes.split()), attack
    new = place.assert_record_is_right()
    assert {path: new.get(path) for path in files} == files
