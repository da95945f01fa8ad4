"""What the files of a system say about its loader."""

from __future__ import annotations

import struct

import pytest

from support.linkage_maker import AARCH64, X86_64, facts
from wheelfix.linkage import (
    applies_relr,
    default_folders,
    large_file_names,
    musl_folders,
    musl_version,
    read_cache,
)
from wheelfix.platforms import ElfArchitecture

I386 = ElfArchitecture(3, 32, "little", None)
# add $0x1f8,%rax and %r9; add $0x7c,%esi
PATCHED = b"\x48\x81\xc0\xf8\x01\0\0..\x49\x81\xc1\xf8\x01\0\0"
PATCHED_I386 = b"\x83\xc6\x7c"
APK = "C:Q1\nP:musl\nV:{}\nA:aarch64\n"
DPKG = "Package: musl\nStatus: install ok installed\nVersion: {}\n\n"


@pytest.mark.parametrize(
    ("content", "version"),
    [
        (b"\x0012\x001.2.5\0", "1.2.5"),
        (b"%s\0\x00x1.2.4_git20230717\0", "1.2.4_git20230717"),
        (b"\x00127.0.0.1\0", None),
        (b"", None),
    ],
)
def test_version_of_musl(content: bytes, version: str | None) -> None:
    assert musl_version(content) == version


@pytest.mark.parametrize(
    ("version", "architecture", "loader", "packages", "applies"),
    [
        ("1.2.4", X86_64, b"", None, True),
        ("1.2.4_git20230717", X86_64, b"", None, True),
        ("1.1.24", X86_64, PATCHED, None, False),
        ("1.2.1", AARCH64, b"", None, False),
        ("1.2.3", X86_64, PATCHED, None, True),
        ("1.2.3", X86_64, PATCHED[:10], None, False),
        ("1.2.2", I386, PATCHED_I386, None, True),
        ("1.2.2", I386, b"", None, False),
        ("1.2.3", AARCH64, b"", None, None),
        ("1.2.3", AARCH64, b"", APK.format("1.2.3-r5"), True),
        ("1.2.3", AARCH64, b"", APK.format("1.2.3-r1"), False),
        ("1.2.2", AARCH64, b"", APK.format("1.2.2-r9"), True),
        ("1.2.2", AARCH64, b"", APK.format("1.2.2-r4"), False),
        ("1.2.2", AARCH64, b"", APK.format("1.2.2-r6"), None),
        ("1.2.3", AARCH64, b"", DPKG.format("1.2.3-1"), False),
        ("1.2.3", AARCH64, b"", "Package: bash\nVersion: 5\n", None),
        (None, X86_64, PATCHED, None, None),
    ],
)
def test_whether_a_musl_applies_relr(
    version: str | None,
    architecture: ElfArchitecture,
    loader: bytes,
    packages: str | None,
    applies: bool | None,  # noqa: FBT001 - a column
) -> None:
    assert applies_relr(loader, facts(architecture=architecture), version, packages) is applies


def test_a_musl_that_uses_relr_applies_it() -> None:
    assert applies_relr(b"", facts(relr_size=8), None) is True


LIST = b"\0aio_cancel\0aio_error\0aio_fsync\0open\0posix_fallocate\0\0"


@pytest.mark.parametrize(
    ("version", "is_there"), [("1.2.4", False), ("1.2.5", False), (None, False), ("1.2.6", True)]
)
def test_names_for_large_files(version: str | None, is_there: bool) -> None:  # noqa: FBT001 - a column
    names = large_file_names(b"..." + LIST, version)
    assert {b"open64", b"aio_fsync64", b"readdir64_r"} <= names
    assert (b"posix_fallocate64" in names) is is_there


def test_a_musl_without_names_for_large_files() -> None:
    assert large_file_names(b"open64\0", "1.2.3") == frozenset()


@pytest.mark.parametrize(
    ("content", "folders"),
    [
        (None, ("/lib", "/usr/local/lib", "/usr/lib")),
        (b"", ()),
        (b"/lib/x86_64-linux-musl\n/opt:/srv\n\n", ("/lib/x86_64-linux-musl", "/opt", "/srv")),
    ],
)
def test_path_file_of_musl(content: bytes | None, folders: tuple[str, ...]) -> None:
    assert musl_folders(content) == folders


def test_default_folders_of_glibc() -> None:
    debian = b"x\0/lib/x86_64-linux-gnu/\0/usr/lib/x86_64-linux-gnu/\0/lib/\0/usr/lib/\0y"
    assert default_folders(debian) == (
        "/lib/x86_64-linux-gnu",
        "/usr/lib/x86_64-linux-gnu",
        "/lib",
        "/usr/lib",
    )
    assert default_folders(b"\0/lib64/\0/usr/lib64/\0") == ("/lib64", "/usr/lib64")
    assert default_folders(b"nothing") == ()


def cache(order: str, *rows: tuple[str, str, int]) -> bytes:
    strings, entries = b"", b""
    first = 48 + 24 * len(rows)
    for name, path, hardware in rows:
        key = first + len(strings)
        strings += name.encode() + b"\0"
        value = first + len(strings)
        strings += path.encode() + b"\0"
        entries += struct.pack(order + "iIIIQ", 0x303, key, value, 0, hardware)
    header = struct.pack(order + "II20x", len(rows), len(strings))
    return b"glibc-ld.so.cache1.1" + header + entries + strings


ROWS = (
    ("liba.so", "/lib/glibc-hwcaps/x86-64-v3/liba.so", 1 << 62),
    ("liba.so", "/lib/haswell/liba.so", 4),
    ("liba.so", "/lib/liba.so", 0),
    ("liba.so", "/lib32/liba.so", 0),
    ("libb.so", "/lib/libb.so", 0),
)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("before", [b"", b"ld.so-1.7.0\0" + bytes(20)])
def test_cache_of_glibc(order: str, before: bytes) -> None:
    content = before + cache(order, *ROWS)
    plain = {"liba.so": ("/lib/liba.so", "/lib32/liba.so"), "libb.so": ("/lib/libb.so",)}
    assert read_cache(content) == plain
    best = "/lib/glibc-hwcaps/x86-64-v3/liba.so"
    assert read_cache(content, ["x86-64-v3"])["liba.so"] == (best, *plain["liba.so"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"glibc-ld.so.cache1.1",
        b"glibc-ld.so.cache1.1\1\0",
        b"x" + cache("<", *ROWS),
        b"glibc-ld.so.cache1.1" + b"\xff" * 60,
    ],
)
def test_a_cache_that_cannot_be_read(content: bytes) -> None:
    assert read_cache(content) == {}


def test_a_cache_that_is_cut_off() -> None:
    found = read_cache(cache("<", *ROWS)[:130])
    assert all(path == "" for paths in found.values() for path in paths)
