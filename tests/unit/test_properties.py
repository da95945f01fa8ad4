"""Whatever the bytes, only a WheelfixError comes out."""

from __future__ import annotations

import contextlib
import io
import tempfile
import zipfile
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from installer.exceptions import InstallerError
from installer.sources import WheelFile

from support.elf_maker import (
    ARCHITECTURES,
    ARM_HARD_FLOAT,
    I386,
    PPC64,
    S390X,
    X86_64,
    extension_module,
    shared_object,
)
from support.mutations import TEXTS, mutated, same_examples
from support.raw_zip import RawMember, raw_zip, zip64_extra
from support.target_maker import make_target
from support.wheel_maker import make_wheel
from wheelfix.archive import WheelArchive
from wheelfix.archive._end_records import BrokenZipError
from wheelfix.archive._framing import read_framing
from wheelfix.codes import CODES
from wheelfix.elf import ELF_HEADER_SIZE, MalformedElfError, read_architecture, read_facts
from wheelfix.errors import InvalidWheelError
from wheelfix.installing import plan_wheel

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

TARGETS = [make_target("cp39-musl"), make_target("cp315t-glibc")]
SYMBOLS = ("PyInit_m", "PyModExport_m")


# --- ELF files

ELF_FILES = [
    *(
        extension_module("m", made, hash_style=style, needed=["libgcc_s.so.1"], symbols=["other"])
        for made in (X86_64, I386, PPC64, S390X, ARM_HARD_FLOAT)
        for style in ("gnu", "sysv")
    ),
    *(shared_object(made, section_headers=False) for made in ARCHITECTURES.values()),
]


def check_elf(content: bytes) -> None:
    facts, architecture = None, None
    with contextlib.suppress(MalformedElfError):
        architecture = read_architecture(content[:ELF_HEADER_SIZE], "m.so")
    with contextlib.suppress(MalformedElfError):
        facts = read_facts(io.BytesIO(content), "m.so", SYMBOLS)
    if facts is not None:
        assert facts.architecture == architecture
        assert facts.init_symbols <= set(SYMBOLS)


@same_examples
@given(st.binary(max_size=400))
@example(b"\x7fELF\2\1" + b"\xff" * 58)
@example(b"\x7fELF\1\2" + b"\xff" * 400)
def test_random_bytes_as_elf_file(content: bytes) -> None:
    check_elf(content)
    check_elf(b"\x7fELF" + content)
    check_elf(b"\x7fELF\2\1" + content)
    check_elf(b"\x7fELF\1\2" + content)


@settings(same_examples, max_examples=500)
@given(mutated(ELF_FILES))
def test_a_changed_elf_file(content: bytes) -> None:
    check_elf(content)


# --- wheels

MODULE = extension_module("m", libc="musl")


#: archives with what wheels rarely have
ZIPS = [
    raw_zip([RawMember(), RawMember(name=b"b/c.py")], zip64=True, comment=b"a comment"),
    raw_zip(
        [
            RawMember(
                central={"size": 0xFFFFFFFF, "compressed_size": 0xFFFFFFFF},
                central_extra=zip64_extra(6, 8),
                local={"size": 0xFFFFFFFF, "compressed_size": 0xFFFFFFFF},
                local_extra=zip64_extra(6, 8),
            ),
            RawMember(flags=8, descriptor=pack("<III", crc32(b"x = 1\n"), 8, 6)),
        ]
    ),
]


@pytest.fixture(scope="module")
def wheels() -> Iterator[dict[str, bytes]]:
    """Give whole wheels by file name."""
    with tempfile.TemporaryDirectory() as folder:
        yield _wheels(Path(folder))


def _wheels(folder: Path) -> dict[str, bytes]:
    paths = [
        make_wheel(
            folder,
            {
                "pkg/__init__.py": "",
                "pkg/m.cpython-39-x86_64-linux-gnu.so": MODULE,
                "example-1.0.data/scripts/run": "#!python\n",
            },
            entry_points="[console_scripts]\nrun2 = pkg:main\n",
            tags="cp39-cp39-musllinux_1_2_x86_64",
        ),
        make_wheel(folder, {"ä.py": "", "a.pth": "x\n", "folder/": ""}),
    ]
    return {path.name: path.read_bytes() for path in paths}


def read_all(path: Path, *, validate_record: str = "all", allow: Collection[str] = ()) -> None:
    with WheelArchive.open(path, validate_record=validate_record, allow=allow) as archive:
        for _, stream, _ in archive.get_contents():
            while stream.read(4096):
                pass
        archive.validate_record(validate_contents=False)
        archive.validate_record()


def read_all_in_spite_of_everything(path: Path) -> None:
    """Read what is left when all that can be allowed is."""
    read_all(path, validate_record="none", allow=CODES)


def check_wheel(name: str, content: bytes) -> None:
    """Plan it and read all of it; either is well, or the error is ours."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        plan_for_one = lambda path: plan_wheel(path, TARGETS[:1])  # noqa: E731 - used once
        for use in (read_all, read_all_in_spite_of_everything, plan_for_one, plan_for_all):
            with contextlib.suppress(InvalidWheelError):
                use(path)


def plan_for_all(path: Path) -> None:
    assert plan_wheel(path, TARGETS).wheel == path.name


@same_examples
@given(content=st.binary(max_size=200), name=st.sampled_from([0, 1]))
def test_random_bytes_as_wheel(wheels: dict[str, bytes], content: bytes, name: int) -> None:
    check_wheel(list(wheels)[name], content)
    # an end of central directory that claims one entry
    check_wheel(list(wheels)[name], content + b"PK\5\6" + b"\0" * 6 + b"\1\0" + content[:10])


@settings(same_examples, max_examples=400)
@given(data=st.data())
def test_a_changed_wheel(wheels: dict[str, bytes], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(wheels)))
    check_wheel(name, data.draw(mutated([wheels[name]])))


@settings(same_examples, max_examples=400)
@given(data=st.data())
def test_a_changed_directory_of_a_wheel(wheels: dict[str, bytes], data: st.DataObject) -> None:
    """The central directory says where everything lies: more of the changes go there."""
    name = data.draw(st.sampled_from(sorted(wheels)))
    content = wheels[name]
    start = content.index(b"PK\1\2")
    check_wheel(name, content[:start] + data.draw(mutated([content[start:]])))


@settings(same_examples, max_examples=400)
@given(data=st.data())
def test_what_is_taken_for_sound_is_the_same_for_zipfile(
    wheels: dict[str, bytes], data: st.DataObject
) -> None:
    content = data.draw(mutated([*wheels.values(), *ZIPS]))
    try:
        framing = read_framing(content)
    except BrokenZipError:
        return
    if framing.issues or len({member.name for member in framing.members}) < len(framing.members):
        return
    # zipfile ends a name at a null, and warns of a directory that it can't read whole
    if any("\0" in member.name for member in framing.members):
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [member.name for member in framing.members]
        for info, member in zip(archive.infolist(), framing.members):
            assert (info.CRC, info.file_size, info.compress_type) == (
                member.crc,
                member.size,
                member.method,
            )
            if not info.flag_bits & 0x61 and member.method in {0, 8}:
                with archive.open(info) as opened:
                    assert opened is not None


@same_examples
@given(
    offset=st.integers(0, 4000), piece=st.sampled_from([b"x", b"PK\3\4", b"PK\5\6" + b"\0" * 18])
)
def test_whatever_is_put_in_anywhere_is_noticed(
    wheels: dict[str, bytes], offset: int, piece: bytes
) -> None:
    """No byte of an archive can be moved without its being told."""
    for content in wheels.values():
        place = offset % (len(content) + 1)
        with contextlib.suppress(BrokenZipError):
            assert read_framing(content[:place] + piece + content[place:]).issues


@same_examples
@given(module=mutated([MODULE]))
def test_a_changed_module_in_a_wheel(module: bytes) -> None:
    """The wheel is whole, whatever its module is: a plan comes out, and maybe a refusal in it."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"m.cpython-39-x86_64-linux-gnu.so": module}
        wheel = make_wheel(Path(folder), files, tags="cp39-cp39-musllinux_1_2_x86_64")
        for targets in (TARGETS[:1], [make_target("cp39-gnu")]):
            plan = plan_wheel(wheel, targets)
            assert all(finding.sentence for finding in plan.all_findings)


# --- the texts in a wheel


def wheel_with_text(folder: str, name: str, content: bytes) -> Path:
    files: dict[str, bytes | str] = {"pkg/__init__.py": ""}
    if name == "RECORD":
        return make_wheel(Path(folder), files, record=content)
    return make_wheel(Path(folder), {**files, f"example-1.0.dist-info/{name}": content})


@settings(same_examples, max_examples=300)
@given(name=st.sampled_from(["RECORD", "entry_points.txt", "WHEEL"]), content=TEXTS)
def test_any_text_in_a_wheel(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = wheel_with_text(folder, name, content)
        for use in (read_all, read_all_in_spite_of_everything, plan_for_all):
            with contextlib.suppress(InvalidWheelError):
                use(path)


ROWS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "pkg/__init__.py",
                "example-1.0.dist-info/METADATA",
                "example-1.0.dist-info/WHEEL",
                "example-1.0.dist-info/RECORD",
                "example-1.0.dist-info/RECORD.jws",
                "nothing",
            ]
        ),
        st.sampled_from(["", "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", "md5=x"]),
        st.sampled_from(["", "0", "1"]),
    ),
    max_size=8,
)


@same_examples
@given(rows=ROWS, validate_contents=st.booleans(), is_signed=st.booleans())
def test_any_record_is_judged_as_installer_does(
    rows: list[tuple[str, str, str]],
    *,
    validate_contents: bool,
    is_signed: bool,
) -> None:
    text = "".join(f"{','.join(row)}\n" for row in rows)
    signature = [("example-1.0.dist-info/RECORD.jws", b"")] if is_signed else []
    with tempfile.TemporaryDirectory() as folder:
        path = make_wheel(
            Path(folder), {"pkg/__init__.py": ""}, record=text, extra_members=signature
        )
        verdicts = []
        with (
            WheelArchive.open(path, validate_record="none") as ours,
            WheelFile.open(path) as theirs,
        ):
            for source in (ours, theirs):
                try:
                    source.validate_record(validate_contents=validate_contents)
                    verdicts.append(True)
                except InstallerError:
                    verdicts.append(False)
    assert verdicts[0] == verdicts[1]


@same_examples
@given(
    name=st.one_of(
        st.text(max_size=40),
        st.text("abc-_.019py3none", max_size=40).map("{}.whl".format),
        st.lists(st.text("ab1._", max_size=5), min_size=3, max_size=6).map(
            lambda parts: "-".join(parts) + ".whl"
        ),
    )
)
def test_any_name_for_a_wheel(name: str) -> None:
    with pytest.raises(InvalidWheelError):
        plan_wheel(name, TARGETS)


@same_examples
@given(
    name=st.one_of(
        st.text("abc-_.019py3none", min_size=1, max_size=40).map("{}.whl".format),
        st.lists(st.text("ab1._", max_size=5), min_size=3, max_size=6).map(
            lambda parts: "-".join(parts) + ".whl"
        ),
    )
)
def test_any_name_of_a_wheel_that_is_there(wheels: dict[str, bytes], name: str) -> None:
    check_wheel(name, next(iter(wheels.values())))
