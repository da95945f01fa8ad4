"""Paths of builds in real wheels, as they were found there by reading them; and what looks like such a path."""

from __future__ import annotations

import zipfile
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from wheelfix.build_paths import build_path_notes

if TYPE_CHECKING:
    from support.wheels import WheelFactory
    from wheelfix.codes import Finding

pytestmark = pytest.mark.wheels

RUSTC = "; rustc's --remap-path-prefix keeps it out"
COMPILER = "; the compiler's -ffile-prefix-map keeps it out"
CYTHON = "; Cython writes it, and a build folder of a fixed name keeps it the same"


def notes(wheel: WheelFactory, file: str) -> list[Finding]:
    found = []
    with zipfile.ZipFile(wheel(file)) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            if content.startswith(b"\x7fELF"):
                found += build_path_notes(content, name)
    return found


@pytest.mark.parametrize(
    ("file", "codes", "path", "end"),
    [
        # loaded, and another one in every build: maturin's folder
        (
            "cryptography-44.0.0-cp39-abi3-manylinux_2_34_aarch64.whl",
            {"WF630": 1, "WF631": 1},
            "/__w/cryptography/cryptography/tmpwheelhouse/.tmpuNW6My/cryptography-44.0.0/src/rust/",
            RUSTC,
        ),
        # loaded: a runner, cargo, cibuildwheel, somebody's home
        (
            "bcrypt-5.0.0-cp38-abi3-musllinux_1_1_aarch64.whl",
            {"WF631": 1},
            "/github/home/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/base64-0.22.1/src/",
            RUSTC,
        ),
        (
            "pydantic_core-0.13.0-cp311-cp311-musllinux_1_1_x86_64.whl",
            {"WF631": 1},
            "/root/.cargo/registry/src/github.com-1ecc6299db9ec823/serde_json-1.0.92/src/ser.rs",
            RUSTC,
        ),
        (
            "numpy-2.1.2-cp310-cp310-musllinux_1_2_aarch64.whl",
            {"WF631": 4},
            "/project/numpy/random/_philox.pyx",
            CYTHON,
        ),
        (
            "rapidfuzz-3.9.7-cp39-cp39-musllinux_1_2_s390x.whl",
            {"WF631": 5},
            "/project/src/rapidfuzz/fuzz_cpp.cxx",
            COMPILER,
        ),
        (
            "shiboken2-5.15.2.1-5.15.2-cp35.cp36.cp37.cp38.cp39.cp310-abi3-manylinux1_x86_64.whl",
            {"WF631": 1},
            "/home/qt/work/pyside/pyside-setup/sources/shiboken2/libshiboken/pep384impl.cpp",
            COMPILER,
        ),
        # in debug sections only
        (
            "MarkupSafe-2.0.1-cp310-cp310-musllinux_1_1_i686.whl",
            {"WF632": 1},
            "/tmp/pip-req-build-aekcujc7",
            COMPILER,
        ),
        (
            "multidict-5.2.0-cp310-cp310-musllinux_1_1_s390x.whl",
            {"WF632": 1},
            "/tmp/pip-req-build-z2_hjb_s",
            COMPILER,
        ),
        (
            "aiohttp-3.8.0-cp310-cp310-musllinux_1_1_aarch64.whl",
            {"WF632": 4},
            "/tmp/pip-req-build-rlmqnkiu",
            COMPILER,
        ),
        (
            "bcrypt-3.2.0-cp36-abi3-manylinux1_x86_64.whl",
            {"WF632": 1},
            "/__w/bcrypt/bcrypt/bcrypt-3.2.0",
            COMPILER,
        ),
    ],
)
def test_paths_of_builds(
    *, wheel: WheelFactory, file: str, codes: dict[str, int], path: str, end: str
) -> None:
    found = notes(wheel, file)
    assert Counter(each.code.id for each in found) == codes
    (first, *_) = found
    assert first.sentence.startswith(path)
    assert first.sentence.endswith(end)


def test_the_place_is_told(wheel: WheelFactory) -> None:
    file = "MarkupSafe-2.0.1-cp310-cp310-musllinux_1_1_i686.whl"
    (found,) = notes(wheel, file)
    text, _, place = found.sentence.partition(" at byte ")
    with zipfile.ZipFile(wheel(file)) as archive:
        content = archive.read(found.subject)
    offset = int(place.partition(" ")[0], 16)
    assert content[offset : offset + len(text) + 1] == text.encode() + b"\0"
    assert place.startswith(f"{offset:#x} (.debug_str); ")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        # docstrings and sockets
        (
            "cx_Freeze-6.11.1-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            b"/tmp/myimport.zip",
        ),
        ("cx_Freeze-7.2.0-cp39-cp39-musllinux_1_2_x86_64.whl", b"/tmp/.X11-unix/X"),
        # an RPATH that patchelf has left in .dynstr
        ("psycopg_binary-3.1.4-cp311-cp311-musllinux_1_1_x86_64.whl", b"/host/tmp/libpq.build/lib"),
        ("psycopg_binary-3.2.4-cp39-cp39-musllinux_1_2_ppc64le.whl", b"/host/tmp/libpq.build/lib"),
        # a page of PyPI; the files of musl that start a program
        ("pydantic-1.10.27-cp39-cp39-musllinux_1_2_x86_64.whl", b"/project/email-validator/"),
        (
            "pydantic-1.10.27-cp39-cp39-musllinux_1_2_x86_64.whl",
            b"/home/buildozer/aports/main/musl",
        ),
        # a file that a program keeps while it runs
        ("psycopg_binary-3.1.4-cp311-cp311-musllinux_1_1_x86_64.whl", b"/tmp/krb5cc_%{uid}"),
    ],
)
def test_what_only_looks_like_one(wheel: WheelFactory, file: str, text: bytes) -> None:
    with zipfile.ZipFile(wheel(file)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert any(text in content for content in contents.values())
    assert notes(wheel, file) == []


@pytest.mark.parametrize(
    "file",
    [
        "cachebox-5.2.0-cp312-cp312-musllinux_1_2_x86_64.whl",
        "watchfiles-0.13-cp310-cp310-musllinux_1_1_aarch64.whl",
        "tokenizers-0.14.0-cp37-cp37m-musllinux_1_1_aarch64.whl",
    ],
)
def test_the_standard_library_of_rust_is_nobody_s(wheel: WheelFactory, file: str) -> None:
    with zipfile.ZipFile(wheel(file)) as archive:
        assert any(b"/rustc/" in archive.read(name) for name in archive.namelist())
    assert {each.sentence.startswith("/rustc/") for each in notes(wheel, file)} == {False}
    # rustc puts no end behind its texts, and so the next one must not be taken for a part of the path
    assert all(
        " at byte " in each.sentence and len(each.sentence) < 300 for each in notes(wheel, file)
    )
