"""Two wheels side by side: given these two members, that cause."""

from __future__ import annotations

import gzip
import os
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from support.debug_elf import Extra, build_id, with_sections
from support.elf_maker import X86_64, extension_module, shared_object
from support.wheel_maker import make_wheel
from wheelfix.differences import (
    Cause,
    ComparedMember,
    ComparedWheel,
    Difference,
    differences,
    opened_wheel,
)
from wheelfix.errors import InvalidWheelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

INFO = "example-1.0.dist-info"
FILE = "example-1.0-py3-none-any.whl"
LOADED, CODE = 2, 6
REFERENCE = 0x80


def member(content: bytes = b"same\n", **changes: Any) -> ComparedMember:
    packed = changes.pop("packed", zlib.compress(content))
    told = ComparedMember(
        time=(2020, 1, 2, 3, 4, 6),
        mode=0o100644,
        system=3,
        method=8,
        extra=b"",
        content=lambda: content,
        packed=lambda: packed,
    )
    return told._replace(**changes)


def wheel(
    members: Mapping[str, ComparedMember | bytes], file: str = FILE, info: str = INFO, **rest: Any
) -> ComparedWheel:
    made = {
        path: member(each) if isinstance(each, bytes) else each for path, each in members.items()
    }
    return ComparedWheel(file, info, made, **rest)


def between(one: ComparedMember | bytes, other: ComparedMember | bytes, path: str = "a.txt") -> Any:
    """Give place, sentence and cause of all that differs in one member."""
    found = differences(wheel({path: one}), wheel({path: other}))
    assert {each.member for each in found} <= {path}
    return [(each.place, each.sentence, each.cause) for each in found]


def causes(one: bytes, other: bytes, path: str = "a.txt") -> list[Cause]:
    return [cause for _, _, cause in between(one, other, path)]


# --- the archive


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, []),
        (
            {"time": (2021, 12, 31, 23, 59, 58)},
            [("time", "2020-01-02 03:04:06 and 2021-12-31 23:59:58", Cause.CLOCK)],
        ),
        ({"mode": 0o100600}, [("mode", "100644 and 100600", Cause.UMASK)]),
        ({"system": 0}, [("system", "made on systems 3 and 0", Cause.BUILD_TOOL)]),
        ({"method": 0}, [("compression", "deflated and stored", Cause.COMPRESSION)]),
        ({"method": 93}, [("compression", "deflated and method 93", Cause.COMPRESSION)]),
        (
            {"packed": b"otherwise"},
            [("compression", "13 and 9 bytes of the same content", Cause.COMPRESSION)],
        ),
        ({"extra": b"UT12"}, [("extra fields", "0 and 4 bytes", Cause.BUILD_TOOL)]),
    ],
)
def test_frames_of_members(changes: dict[str, Any], told: list[tuple[str, str, Cause]]) -> None:
    assert between(member(), member(**changes)) == told


def test_what_many_members_have_in_common_is_told_once() -> None:
    one = wheel({"a": member(), "b": member(), "c": member()})
    other = wheel({"a": member(), "b": member(mode=0o100600), "c": member(mode=0o100400)})
    sentence = "100644 and 100600; and 1 more members"
    assert differences(one, other) == [Difference("b", "mode", sentence, Cause.UMASK)]


def test_the_compression_of_what_has_changed_is_not_told() -> None:
    assert causes(b"one\n", b"two\n") == [Cause.CONTENT]


def test_order_and_comment() -> None:
    one = wheel({"a": b"1", "b": b"2", "c": b"3"}, comment=b"")
    other = wheel({"a": b"1", "c": b"3", "b": b"2"}, comment=b"by tool")
    assert differences(one, other) == [
        Difference(
            "", "order of members", "b comes where the second wheel has c", Cause.FILE_ORDER
        ),
        Difference("", "comment", '"" and "by tool"', Cause.BUILD_TOOL),
    ]


def test_members_of_one_wheel_only() -> None:
    one = wheel({"a": b"1", "pkg/": b"", "x.pyd": b"1"})
    other = wheel({"a": b"1", "b": b"1", "data/": b"", "data/x/": b""})
    assert differences(one, other) == [
        Difference("x.pyd", "member", "only in the first wheel", Cause.CONTENT),
        Difference("", "members for folders", "pkg/ only in the first wheel", Cause.BUILD_TOOL),
        Difference("b", "member", "only in the second wheel", Cause.CONTENT),
        Difference(
            "", "members for folders", "data/ and 1 more only in the second wheel", Cause.BUILD_TOOL
        ),
    ]


def test_modules_of_two_interpreters_are_compared() -> None:
    one = wheel({"pkg/m.cpython-311-x86_64-linux-gnu.so": b"1\n", "pkg/n.so": b"1"})
    other = wheel({"pkg/m.cpython-311-x86_64-linux-musl.so": b"2\n", "n.so": b"1"}, "other.whl")
    path = "pkg/m.cpython-311-x86_64-linux-gnu.so"
    assert differences(one, other) == [
        Difference("", "file name", f"{FILE} and other.whl", Cause.CONTENT),
        Difference(
            path, "name", "m.cpython-311-x86_64-linux-musl.so in the second wheel", Cause.NAME
        ),
        Difference("pkg/n.so", "member", "only in the first wheel", Cause.CONTENT),
        Difference("n.so", "member", "only in the second wheel", Cause.CONTENT),
        Difference(path, "line 1", '"1" and "2"', Cause.CONTENT),
    ]


def test_two_names_for_one_stem_are_no_pair() -> None:
    one = wheel({"m.abi3.so": b"1", "m.so": b"1"})
    other = wheel({"m.cpython-311.so": b"1"})
    assert [each.place for each in differences(one, other)] == ["member"] * 3


def test_metadata_folders_of_two_versions() -> None:
    one = wheel({f"{INFO}/METADATA": b"Version: 1.0\n\n", f"{INFO}/RECORD": b"a,sha256=1,1\n"})
    info = "example-1.1.dist-info"
    members = {f"{info}/METADATA": b"Version: 1.1\n\n", f"{info}/RECORD": b"a,sha256=2,1\n"}
    other = wheel({**members, f"{info}/": b"", f"{info}/REQUESTED": b""}, info=info)
    assert [(each.member, each.place) for each in differences(one, other)] == [
        ("", "metadata folder"),
        (f"{info}/REQUESTED", "member"),
        ("", "members for folders"),
        (f"{INFO}/METADATA", "Version"),
        (f"{INFO}/RECORD", "rows"),
    ]


def test_what_is_packed_alike_is_not_unpacked() -> None:
    def fail() -> bytes:
        raise AssertionError("it was unpacked")

    same = member()._replace(content=fail)
    assert between(same, same) == []


# --- texts


@pytest.mark.parametrize(
    ("one", "other", "place", "sentence", "cause"),
    [
        ("a\nb\n", "a\r\nb\r\n", "line endings", "LF and CRLF", Cause.LINE_ENDINGS),
        (
            "a\nb\nc\n",
            "a\nc\nb\n",
            "order of lines",
            "the same lines in another order, from line 2 on",
            Cause.HASH_SEED,
        ),
        ("a\n1\nb\n", "a\n2\nb\n", "line 2", '"1" and "2"', Cause.CONTENT),
        (
            "a\n1\n2\nb\n",
            "a\n3\nb\n",
            "line 2",
            '"1" and "3"; 2 lines in all',
            Cause.CONTENT,
        ),
        ("a\nb\n", "a\n1\nb\n", "line 2", 'only the second has "1"', Cause.CONTENT),
        (
            "a\nb\n1\n2\n",
            "a\nb\n",
            "line 3",
            'only the first has "1"; 2 lines in all',
            Cause.CONTENT,
        ),
        ("a\n", "a", "line 1", '"a" and "a"', Cause.CONTENT),
        (
            "x = {1, 2}\n",
            "x = {2, 1}\n",
            "line 1",
            '"x = {1, 2}" and "x = {2, 1}"',
            Cause.HASH_SEED,
        ),
        # another indentation is another source
        ("  x\n", "    x\n", "line 1", '"  x" and "    x"', Cause.CONTENT),
        (
            "built 2024-11-21 10:00:00\n",
            "built 2024-11-22 11:30:59\n",
            "line 1",
            '"built 2024-11-21 10:00:00" and "built 2024-11-22 11:30:59"',
            Cause.CLOCK,
        ),
        (
            "prefix=/tmp/one/x\n",
            "prefix=/tmp/two/x\n",
            "line 1",
            '"prefix=/tmp/one/x" and "prefix=/tmp/two/x"',
            Cause.BUILD_PATH,
        ),
        ("a\0\n", "b\0\n", "byte 0x0", "3 and 3 bytes", Cause.CONTENT),
        ("é\n", "è\n", "line 1", '"é" and "è"', Cause.CONTENT),
    ],
)
def test_texts(one: str, other: str, place: str, sentence: str, cause: Cause) -> None:
    assert between(one.encode(), other.encode()) == [(place, sentence, cause)]


def test_what_is_shown_is_short() -> None:
    ((_, sentence, _),) = between(b"x" * 100 + b"1" + b"y" * 100, b"x" * 100 + b"2\t")
    assert sentence == f'"…{"x" * 24}1{"y" * 35}…" and "…{"x" * 24}2\\t"'


def test_a_text_that_is_too_large_for_lines() -> None:
    one, other = b"a\n" * (1 << 25), b"a\n" * (1 << 25) + b"b\n"
    assert between(member(one, packed=b"1"), member(other, packed=b"2")) == [
        ("byte 0x4000000", "67,108,864 and 67,108,866 bytes", Cause.CONTENT)
    ]


PATHS = [
    ("/tmp/one/a.c", "/tmp/two/a.c", Cause.BUILD_PATH),
    ("/tmp/one", "/var/two", Cause.BUILD_PATH),
    ("/home/me/x/src/a.c", "/project/src/a.c", Cause.BUILD_PATH),
    ("/project/src/a.c", "/project/src/b.c", Cause.CONTENT),
    ("/tmp/one/a.c", "/tmp/one/b.c", Cause.CONTENT),
    ("/usr/include/bits", "/usr/lib/gcc/include", Cause.CONTENT),
    ("/opt/one/a.h", "/usr/a.h", Cause.CONTENT),
    ("/tmp/one: bad", "/tmp/two: worse", Cause.CONTENT),
    ("/tmp/build-env-m273bhe1/a.c", "/tmp/build-env-ciooowse/a.c", Cause.RANDOM_FOLDER),
    ("/tmp/tmp0a1b2c3d/one/a.c", "/tmp/tmp0a1b2c3d/two/a.c", Cause.BUILD_PATH),
    ("/tmp/one", "/tmp/tmp.fYitBolQaY/pkg", Cause.RANDOM_FOLDER),
    ("/tmp/build-env-m273bhe1/a.c 1", "/tmp/build-env-m273bhe1/a.c 2", Cause.CONTENT),
    (
        "/root/.cargo/registry/src/index-1/uuid-1.10.0/src/error.rs",
        "/github/home/.cargo/registry/src/index-1/uuid-1.10.0/src/error.rs",
        Cause.BUILD_PATH,
    ),
    (
        "/root/.cargo/registry/src/index-1/uuid-1.10.0/src/error.rs",
        "/root/.cargo/registry/src/index-1/uuid-1.11.0/src/error.rs",
        Cause.CONTENT,
    ),
    ("ccAbc123.o", "ccXyz789.o", Cause.RANDOM_NAMES),
    ("/tmp/ccAbc123.o", "/tmp/ccXyz789.o", Cause.RANDOM_NAMES),
    (
        "_GLOBAL__I_a.c_01234567_0x89abcdef",
        "_GLOBAL__I_a.c_0123abcd_0x89abcdef",
        Cause.RANDOM_NAMES,
    ),
    ("GCC: (Debian 12.2.0-14) 12.2.0", "GCC: (Debian 13.1.0-1) 13.1.0", Cause.COMPILER),
    ("rustc version 1.83.0 (90b35a6)", "rustc version 1.84.0 (9fc6b43)", Cause.COMPILER),
    ("GNU C17 12.2.0 -O2 -g", "GNU C17 12.2.0 -O3 -g", Cause.OPTIONS),
    ("GNU C17 12.2.0 -O2 -g", "GNU C17 13.1.0 -O2 -g", Cause.COMPILER),
    ("Nov 21 2026 13:35:03", "Jan  2 2026 01:02:03", Cause.CLOCK),
    ("at 1700000000.5", "at 1700000999", Cause.CLOCK),
    ("one", "two", Cause.CONTENT),
]


@pytest.mark.parametrize(("one", "other", "cause"), PATHS)
def test_causes_that_texts_tell(one: str, other: str, cause: Cause) -> None:
    assert causes(one.encode(), other.encode()) == [cause]
    # the same in what is no text
    assert causes(b"\0\1" + one.encode() + b"\0", b"\0\1" + other.encode() + b"\0") == [cause]


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        # texts that stand in both, at other places, tell nothing
        (b"\0/tmp/a/x.c\0/tmp/b/x.c\0", b"\0/tmp/b/x.c\0/tmp/a/x.c\0", Cause.CONTENT),
        # the paths of one file name belong together, wherever they stand
        (
            b"\0first\0/tmp/one/a.c\0more\0",
            b"\0/tmp/two/a.c\0other\0",
            Cause.BUILD_PATH,
        ),
        (gzip.compress(b"text", mtime=1), gzip.compress(b"text", mtime=2), Cause.CLOCK),
        (gzip.compress(b"text", mtime=1), gzip.compress(b"textes", mtime=2), Cause.CONTENT),
        (gzip.compress(b"text", mtime=1), gzip.compress(b"next", mtime=1), Cause.CONTENT),
        (b"\0", b"\0\0", Cause.CONTENT),
    ],
)
def test_what_has_no_form(one: bytes, other: bytes, told: Cause) -> None:
    assert causes(one, other, "a.bin") == [told]


# --- metadata


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ("Generator: a (1)\n\n", "Generator: a (2)\n\n", ("Generator", Cause.BUILD_TOOL)),
        ("Tag: x\nTag: y\n", "Tag: y\nTag: x\n", ("Tag", Cause.HASH_SEED)),
        ("Tag: x\n\n", "Tag: x\nBuild: 1\n\n", ("Build", Cause.CONTENT)),
        ("Tag: x\nBuild: 1\n\n", "Tag: x\n\n", ("Build", Cause.CONTENT)),
        ("Version: 1+d20241121\n\n", "Version: 1+d20241122\n\n", ("Version", Cause.CLOCK)),
        ("Version: 1\n\none\n", "Version: 1\n\ntwo\n", ("line 1", Cause.CONTENT)),
        ("Name: x\n\none\n", "Name: x\r\n\r\none\r\n", ("line endings", Cause.LINE_ENDINGS)),
        ("Name: x\nTag: x\n\n", "Tag: x\nName: x\n\n", ("order of lines", Cause.HASH_SEED)),
    ],
)
@pytest.mark.parametrize("file", ["WHEEL", "METADATA"])
def test_fields(one: str, other: str, told: tuple[str, Cause], file: str) -> None:
    found = between(one.encode(), other.encode(), f"{INFO}/{file}")
    assert [(place, cause) for place, _, cause in found] == [told]


def test_the_same_fields_in_another_order() -> None:
    ((_, sentence, _),) = between(b"Tag: x\nTag: y\n\n", b"Tag: y\nTag: x\n\n", f"{INFO}/METADATA")
    assert sentence == "the same 2 lines in another order"


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ("a,1,1\nb,1,1\n", "b,1,1\na,1,1\n", [("order of rows", Cause.FILE_ORDER)]),
        ("a,1,1\n", "a,1,1\r\n", [("line endings", Cause.BUILD_TOOL)]),
        ("a,1,1\n", "a,2,1\n", [("rows", Cause.BUILD_TOOL)]),
        ("a,1,1\nb,1,1\n", "a,1,1\n", [("rows", Cause.CONSEQUENCE)]),
        ('"a,b",1,1\n', '"a,b",2,1\n', [("rows", Cause.BUILD_TOOL)]),
        ("x.txt,1,1\n", "x.txt,2,1\n", [("rows", Cause.CONSEQUENCE)]),
        ("x.txt,1,1\ny.txt,1,1\n", "x.txt,2,1\ny.txt,2,1\n", [("rows", Cause.CONSEQUENCE)]),
    ],
)
def test_rows(one: str, other: str, told: list[tuple[str, Cause]]) -> None:
    texts = {"x.txt": (b"1\n", b"2\n"), "y.txt": (b"1\n", b"2\n")}
    record = f"{INFO}/RECORD"
    first, second = (
        wheel({record: text.encode(), **{path: each[number] for path, each in texts.items()}})
        for number, text in enumerate((one, other))
    )
    found = [each for each in differences(first, second) if each.member == record]
    assert [(each.place, each.cause) for each in found] == told


def test_sentences_of_rows() -> None:
    texts = {"x.txt": (b"1\n", b"2\n"), "y.txt": (b"1\n", b"2\n"), "z.txt": (b"1", b"1")}
    one, other = (
        wheel(
            {
                f"{INFO}/RECORD": b"".join(
                    b"%s.txt,%d,1\n" % (x, number) for x in (b"x", b"y", b"z")
                ),
                **{path: each[number] for path, each in texts.items()},
            }
        )
        for number in (0, 1)
    )
    assert [each.sentence for each in differences(one, other)][2:] == [
        "row of x.txt and 1 more",
        'row of z.txt, whose content is the same: "0,1" and "1,1"',
    ]


# --- bytecode


def pyc(
    code: bytes = b"code", flags: int = 0, time: int = 5, size: int = 7, magic: int = 3495
) -> bytes:
    return struct.pack("<HHIII", magic, 0x0A0D, flags, time, size) + code


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (pyc(magic=3425), pyc(magic=3495), [("magic number", Cause.INTERPRETER)]),
        (pyc(), pyc(flags=1), [("header", Cause.BUILD_TOOL)]),
        (pyc(flags=1), pyc(flags=3), [("header", Cause.BUILD_TOOL)]),
        (pyc(flags=3), pyc(flags=3, time=6), [("header", Cause.CONSEQUENCE)]),
        (pyc(), pyc(time=6), [("header", Cause.CLOCK)]),
        (pyc(), pyc(size=8), [("header", Cause.CONSEQUENCE)]),
        (pyc(flags=3), pyc(b"core", flags=3), [("code", Cause.CONTENT)]),
        (pyc(), pyc(b"core", time=6), [("header", Cause.CLOCK), ("code", Cause.CONTENT)]),
        (pyc(b"\xe3abc"), pyc(b"\x63abc"), [("code", Cause.BYTECODE_REFERENCES)]),
        (pyc(b"\1\2\3"), pyc(b"\2\1\3"), [("code", Cause.HASH_SEED)]),
        # the lengths before the texts look like letters
        (
            pyc(b"z\x2b/tmp/one/x.py\0"),
            pyc(b"z\x41/tmp/another/x.py\0"),
            [("code", Cause.BUILD_PATH)],
        ),
        (
            pyc(b"zXbuilt at 10:00:00\0"),
            pyc(b"zXbuilt at 11:00:00\0"),
            [("code", Cause.CLOCK)],
        ),
        (pyc(b"zzzzz\0"), pyc(b"yyyyy\0"), [("code", Cause.CONTENT)]),
        (b"short", pyc(), [("byte 0x0", Cause.CONTENT)]),
    ],
)
def test_bytecode(one: bytes, other: bytes, told: list[tuple[str, Cause]]) -> None:
    found = between(one, other, "pkg/__pycache__/x.cpython-311.pyc")
    assert [(place, cause) for place, _, cause in found] == told


@pytest.mark.parametrize(
    ("one", "other", "sentence"),
    [
        (pyc(magic=3425), pyc(magic=3495), "610d0d0a and a70d0d0a"),
        (
            pyc(flags=1),
            pyc(flags=3),
            "never checked and checked by the hash of the source",
        ),
        (
            pyc(),
            pyc(flags=1),
            "checked by the time of the source and never checked",
        ),
        (
            pyc(b"z\x2b/tmp/one/x.py\0"),
            pyc(b"z\x41/tmp/another/x.py\0"),
            '"/tmp/one/x.py" and "/tmp/another/x.py"',
        ),
    ],
)
def test_sentences_of_bytecode(one: bytes, other: bytes, sentence: str) -> None:
    ((_, told, _),) = between(one, other, "x.pyc")
    assert told == sentence


# --- ELF files


def elf(*extras: Extra) -> bytes:
    return with_sections(extension_module("mod", libc="musl"), extras)


def rodata(text: bytes) -> Extra:
    return Extra(".rodata", text, flags=LOADED)


def text(number: int) -> Extra:
    return Extra(".text.more" if number > 9 else ".text", bytes([number]) * 8, flags=CODE)


def in_elf(one: Sequence[Extra], other: Sequence[Extra]) -> list[tuple[str, str, Cause]]:
    found: list[tuple[str, str, Cause]] = between(elf(*one), elf(*other), "m.so")
    return found


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        pytest.param(
            [build_id(value=b"\1" * 20)],
            [build_id(value=b"\2" * 20)],
            [(".note.gnu.build-id", f"{'01' * 20} and {'02' * 20}", Cause.BUILD_ID)],
            id="only the build-id",
        ),
        pytest.param(
            [rodata(b"/tmp/one/a.c\0")],
            [rodata(b"/tmp/two/a.c\0")],
            [(".rodata", '"/tmp/one/a.c" and "/tmp/two/a.c"', Cause.BUILD_PATH)],
            id="a path",
        ),
        pytest.param(
            [rodata(b"\1\2\3\4")],
            [rodata(b"\1\2\3\5")],
            [(".rodata", "the same size, from byte 0x3 of the section on", Cause.CONTENT)],
            id="numbers",
        ),
        pytest.param(
            [rodata(b"\1\2\3\4")],
            [rodata(b"\1\2\3")],
            [(".rodata", "4 and 3 bytes", Cause.CONTENT)],
            id="fewer numbers",
        ),
        pytest.param(
            [Extra(".debug_info", b"1234")],
            [Extra(".debug_info", b"1235")],
            [(".debug_info", "the same size, from byte 0x3 of the section on", Cause.CONTENT)],
            id="nothing to follow from",
        ),
        pytest.param(
            [Extra(".text", b"/tmp/one/a.c\0", flags=CODE)],
            [Extra(".text", b"/tmp/two/a.c\0", flags=CODE)],
            [(".text", "the same size, from byte 0x5 of the section on", Cause.CONTENT)],
            id="instructions are no texts",
        ),
        pytest.param(
            [Extra(".a", b"1"), Extra(".a", b"2")],
            [Extra(".a", b"1"), Extra(".a", b"3")],
            [(".a", "the same size, from byte 0x0 of the section on", Cause.CONTENT)],
            id="two of one name",
        ),
    ],
)
def test_sections(one: list[Extra], other: list[Extra], told: list[tuple[str, str, Cause]]) -> None:
    assert in_elf(one, other) == [
        (f"ELF section {name}", sentence, cause) for name, sentence, cause in told
    ]


def test_what_follows_is_told_in_one_line() -> None:
    one = [build_id(), Extra(".debug_info", b"1"), Extra(".debug_line_str", b"/tmp/one\0")]
    other = [
        build_id(value=b"\3" * 20),
        Extra(".debug_info", b"2"),
        Extra(".debug_line_str", b"/tmp/two\0"),
    ]
    assert in_elf(one, other) == [
        ("ELF section .debug_line_str", '"/tmp/one" and "/tmp/two"', Cause.BUILD_PATH),
        ("other ELF sections", ".note.gnu.build-id, .debug_info", Cause.CONSEQUENCE),
    ]


def test_code_follows_from_another_length_of_a_text() -> None:
    found = in_elf([text(1), rodata(b"/tmp/one/a.c\0")], [text(2), rodata(b"/tmp/other/a.c\0")])
    assert [(place, cause) for place, _, cause in found] == [
        ("ELF section .rodata", Cause.BUILD_PATH),
        ("other ELF sections", Cause.CONSEQUENCE),
    ]


def test_another_compiler_changes_all() -> None:
    comments = [Extra(".comment", b"GCC: (GNU) %d\0" % number) for number in (12, 13)]
    found = in_elf([text(1), text(10), comments[0]], [text(2), text(11), comments[1]])
    assert {cause for _, _, cause in found} == {Cause.COMPILER}


def test_other_options_change_all() -> None:
    producers = [Extra(".debug_str", b"GNU C17 12.2.0 -O%d\0" % number) for number in (2, 3)]
    found = in_elf([text(1), producers[0]], [text(2), producers[1]])
    assert [cause for _, _, cause in found] == [Cause.OPTIONS, Cause.OPTIONS]


@pytest.mark.parametrize(
    ("one", "other", "sentence", "cause"),
    [
        ([Extra(".debug_str", b"a")], [], ".debug_str only in the first", Cause.OPTIONS),
        ([], [Extra(".symtab", b"a", 2)], ".symtab only in the second", Cause.OPTIONS),
        (
            [Extra(".mine", b"a")],
            [Extra(".yours", b"a")],
            ".mine only in the first, .yours only in the second",
            Cause.CONTENT,
        ),
        (
            [Extra(f".s{number}", b"a") for number in range(15)],
            [],
            ", ".join(f".s{number} only in the first" for number in range(12)) + ", and 3 more",
            Cause.CONTENT,
        ),
    ],
)
def test_sections_of_one_file_only(
    one: list[Extra], other: list[Extra], sentence: str, cause: Cause
) -> None:
    assert in_elf(one, other) == [
        ("ELF sections", sentence, cause),
        ("other ELF sections", ".shstrtab", Cause.CONSEQUENCE),
    ]


def test_many_that_follow() -> None:
    one, other = (
        [rodata(b"%d" % number), *(Extra(f".rela.{x}", b"%d" % number) for x in range(15))]
        for number in (1, 2)
    )
    sentence = ", ".join(f".rela.{x}" for x in range(12)) + ", and 3 more"
    assert in_elf(one, other)[1:] == [("other ELF sections", sentence, Cause.CONSEQUENCE)]


def compressed(content: bytes, level: int) -> Extra:
    header = X86_64.pack("IIQQ", 1, 0, len(content), 1)
    return Extra(".debug_str", header + zlib.compress(content, level), flags=0x800)


def test_compressed_sections_are_compared_by_what_is_in_them() -> None:
    one, other = (b"text " * 300 + b"/tmp/%s/a.c\0" % folder for folder in (b"one", b"two"))
    assert in_elf([compressed(one, 6)], [compressed(other, 6)]) == [
        (
            "ELF section .debug_str",
            '"…ext text text text /tmp/one/a.c" and "…ext text text text /tmp/two/a.c"',
            Cause.BUILD_PATH,
        )
    ]
    ((place, _, cause),) = in_elf([compressed(one, 0)], [compressed(one, 9)])
    assert (place, cause) == ("ELF section .debug_str", Cause.COMPRESSION)


def test_a_compressed_section_that_lies_is_compared_as_it_is() -> None:
    one, other = (
        Extra(".debug_str", X86_64.pack("IIQQ", 1, 0, 1 << 50, 1) + each, flags=0x800)
        for each in (b"1234", b"1235")
    )
    ((place, sentence, _),) = in_elf([one], [other])
    assert (place, sentence[:13]) == ("ELF section .debug_str", "the same size")


def changed(content: bytes, name: str, field: int, value: int) -> bytes:
    """Give a section header another number: its fields are size (5), type (1) and so on."""
    offset, count = struct.unpack_from("<Q", content, 0x28)[0], content[0x3C]
    rows = [list(struct.unpack_from("<IIQQQQIIQQ", content, offset + 64 * n)) for n in range(count)]
    names = content[rows[content[0x3E]][4] :]
    number = next(
        n for n, row in enumerate(rows) if names[row[0] :].partition(b"\0")[0] == name.encode()
    )
    rows[number][field] = value
    place = offset + 64 * number
    row = struct.pack("<IIQQQQIIQQ", *rows[number])
    return content[:place] + row + content[place + 64 :]


def test_sections_without_bytes_differ_in_size() -> None:
    one = changed(elf(Extra(".bss", b"", 8)), ".bss", 5, 64)
    other = changed(elf(Extra(".bss", b"", 8)), ".bss", 5, 128)
    assert between(one, other, "m.so") == [("ELF section .bss", "64 and 128 bytes", Cause.CONTENT)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            shared_object(section_headers=False),
            shared_object(section_headers=False) + b"1",
            id="no sections",
        ),
        pytest.param(elf(), shared_object(section_headers=False), id="none in the other"),
        pytest.param(b"\x7fELF", b"\x7fELF1", id="cut off"),
        pytest.param(changed(elf(), ".dynstr", 5, 1 << 50), elf(), id="outside of the file"),
        pytest.param(
            changed(changed(elf(rodata(b"1" * 4000)), ".rodata", 4, 0), ".dynstr", 5, 4000),
            elf(rodata(b"1" * 4000)),
            id="they overlap",
        ),
        pytest.param(elf(), elf() + b"1", id="something behind it"),
        pytest.param(changed(elf(), ".dynstr", 3, 1), elf(), id="another address"),
    ],
)
def test_files_without_differing_sections_are_compared_by_bytes(one: bytes, other: bytes) -> None:
    ((place, _, cause),) = between(one, other, "m.so")
    assert place.startswith("byte 0x")
    assert cause is Cause.CONTENT


# --- reading


def test_a_wheel_is_read(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"pkg/x.py": "x\n"}, extra_members=[("pkg/", b"")])
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"by hand"
    with opened_wheel(path) as found:
        assert (found.file_name, found.dist_info_dir) == (path.name, INFO)
        assert found.comment == b"by hand"
        assert list(found.members) == zipfile.ZipFile(path).namelist()
        one = found.members["pkg/x.py"]
        assert (one.content(), one.mode, one.system, one.extra) == (b"x\n", 0o100644, 3, b"")
        assert one.packed() == (b"x\n" if one.method == 0 else zlib.compress(b"x\n")[2:-4])
        assert (found.members["pkg/"].content(), found.members["pkg/"].packed()) == (b"", b"")
        assert differences(found, found) == []


def test_what_else_would_be_refused_is_compared(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    one = make_wheel(folders[0], {"x.py": "x\n"})
    other = make_wheel(folders[1], {"x.py": "x\n"}, record_rows={"x.py": ("sha256=AAAA", "2")})
    with opened_wheel(one) as first, opened_wheel(other) as second:
        (found,) = differences(first, second)
    assert (found.member, found.place, found.cause) == (
        f"{INFO}/RECORD",
        "rows",
        Cause.BUILD_TOOL,
    )


def test_a_wheel_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1 << 26))
    with pytest.raises(InvalidWheelError) as raised, opened_wheel(path):
        pass
    assert "WF419" in {each.code.id for each in raised.value.findings if each.refuses}


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\5\6" + bytes(18)])
def test_what_is_no_wheel_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / FILE
    path.write_bytes(content)
    with pytest.raises(InvalidWheelError), opened_wheel(path):
        pass


def test_a_member_that_is_damaged_is_refused(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"x.py": os.urandom(50)})
    content = bytearray(path.read_bytes())
    place = content.index(b"x.py") + 10
    content[place] ^= 1
    path.write_bytes(content)
    with opened_wheel(path) as found, pytest.raises(InvalidWheelError):
        found.members["x.py"].content()


def test_json() -> None:
    assert Difference("", "order", "a and b", Cause.BUILD_TOOL).to_json() == {
        "member": None,
        "place": "order",
        "sentence": "a and b",
        "cause": "build-tool",
        "explanation": "another build tool, or another version of it; pin it",
    }
    assert Difference("x", "", "", Cause.CLOCK).to_json()["member"] == "x"
