"""Which paths of a build are found in ELF files, which are none, and what is said of them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest

from support.debug_elf import Extra, with_sections
from support.elf_maker import X86_64, extension_module, shared_object
from wheelfix.build_paths import BuildPath, PathKind, build_path_notes, build_paths, paths_in
from wheelfix.elf.sections import MAX_UNPACKED

if TYPE_CHECKING:
    from collections.abc import Sequence

LOADED = 2
RANDOM, CARGO, MACHINE, OBJECT = (
    PathKind.RANDOM,
    PathKind.CARGO,
    PathKind.MACHINE,
    PathKind.OBJECT,
)
RUSTC = "rustc's --remap-path-prefix keeps it out"
COMPILER = "the compiler's -ffile-prefix-map keeps it out"
FOLDER = "a build folder of a fixed name keeps it the same"


def found_in(text: str) -> list[tuple[PathKind, str]]:
    return [(kind, path) for _, kind, path in paths_in(b"\0" + text.encode() + b"\0")]


def module(*extras: Extra) -> bytes:
    return with_sections(extension_module("mod", libc="musl"), extras)


def said(*extras: Extra) -> list[tuple[str, str]]:
    return [(each.code.id, each.sentence) for each in build_path_notes(module(*extras), "m.so")]


# --- paths


@pytest.mark.parametrize(
    "text",
    [
        "/tmp/pip-req-build-b92zgltu/CMake-src/openssl.c",
        "/tmp/pip-req-build-rlmqnkiu",
        "/tmp/pip-install-qurqg_ah/numpy_ea651c5f2f6243e791b915dea9344eed",
        "/tmp/pip-build-env-1a2b3c4d/overlay/lib/python3.11",
        "/tmp/build-env-ciooowse/bin/python",
        "/tmp/build-via-sdist-0f8mnk1_/x-1.0/x.c",
        "/tmp/cibw-run-8zkw3n2q/cp311/x.c",
        "/project/.mesonpy-l1t_y8fu/build/x.c",
        "/tmp/tmpot7w3zjj/wheel/platlib/share/nrnunits.lib",
        # none of the eight characters is a digit
        "/tmp/tmpzjxdvtkw/_cyutility.pyx",
        "/var/lib/work/tmp8zbv4kcw/x.c",
        "/tmp/tmp.fYitBolQaY/pkg/x.c",
        "/__w/cryptography/tmpwheelhouse/.tmpmbdRiZ/cryptography-44.0.2/src/lib.rs",
    ],
)
def test_random_folders(text: str) -> None:
    assert found_in(text) == [(RANDOM, text)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/uuid-1.10.0/src/e.rs", CARGO),
        ("/github/home/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/x-1/src/l.rs", CARGO),
        ("/cargo/registry/src/github.com-1ecc6299db9ec823/libc-0.2.131", CARGO),
        ("/home/me/.cargo/git/checkouts/notify-79e36670a1d910a9/0f87ab1/src/poll.rs", CARGO),
        ("/home/runner/work/tokenizers/tokenizers/src/strip.rs", MACHINE),
        ("/__w/ucxx/ucxx/cpp/python/src/worker.cpp", MACHINE),
        ("/project/numpy/random/bit_generator.pyx", MACHINE),
        ("/io/opencv/modules/core/src/stat_c.cpp", MACHINE),
        ("/host/tmp/libpq.build/var/run/ldapi", MACHINE),
        ("/builds/gmsh/gmsh/contrib/x.cpp", MACHINE),
        ("/root/nrn/external/iv/src/lib/OS/file.cpp", MACHINE),
        ("/home/qt/work/pyside/shiboken2/pep384impl.cpp", MACHINE),
        ("/tmp/openturns/lib/src/Base/Type/openturns/Collection.hxx", MACHINE),
        ("/localdisk/tmp/onetbb-ci/hwloc-2.11.2/include/hwloc/helper.h", MACHINE),
        ("/tmp/cclAKedj.o", OBJECT),
        ("/tmp/ccLgigko.ltrans0.ltrans.o", OBJECT),
    ],
)
def test_folders_of_a_machine(text: str, kind: PathKind) -> None:
    assert found_in(text) == [(kind, text)]


@pytest.mark.parametrize(
    "text",
    [
        # docstrings, and what programs use while they run
        "/tmp/myimport.zip/mydirectory",
        "/tmp/.X11-unix/X",
        "/tmp/new_folder/local_fs-copy.dat",
        "/tmp/krb5cc_%{uid}",
        "/tmp/tkt",
        "/tmp/example.c",
        "/home/user/.cache/pip",
        "/root/.config",
        # of the standard library of Rust, of Alpine's and Debian's own packages, of the images of manylinux
        "/rustc/48a229ceaefd4985c50990b14116b6d856af0985/library/core/src/num.rs",
        "/home/buildozer/aports/main/gcc/src/gcc-14.2.0/libstdc++-v3/src/c++20/tzdb.cc",
        "/build/glibc-6V9RKT/glibc-2.19/csu/init.c",
        "/usr/include/x86_64-linux-gnu/bits/types.h",
        "/opt/_internal/cpython-3.12.12/include/python3.12/cpython/bytesobject.h",
        "/opt/python/cp312-cp312/include/python3.12/object.h",
        # parts of addresses on the web, and of paths that begin somewhere else
        "https://pypi.org/project/email-validator/",
        "https://example.org/home/user/page.c",
        "$(srcdir)/project/x.c",
        "%s/io/pkg",
        "../io/stream.c",
        "/src/pip-wheel-metadata/x",
        "/doc/tmpfoobar/x.txt",
    ],
)
def test_what_is_no_path_of_a_build(text: str) -> None:
    assert found_in(text) == []


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("../../../project/src/memray/_test_utils.pyx", ["/project/src/memray/_test_utils.pyx"]),
        ("../../home/me/x/y.pyx", ["/home/me/x/y.pyx"]),
        ("../../tmp/build-env-m273bhe1/lib/n.pxd", ["/tmp/build-env-m273bhe1/lib/n.pxd"]),
        # rustc puts no end behind a text
        (
            "/root/.cargo/registry/src/i-1/a-1/src/lib.rs/root/.cargo/registry/src/i-1/b-2/src/x.rsbad",
            [
                "/root/.cargo/registry/src/i-1/a-1/src/lib.rs",
                "/root/.cargo/registry/src/i-1/b-2/src/x.rs",
            ],
        ),
        (
            "/root/.cargo/git/checkouts/x.rs-0a1b2c3d/0f87ab1/src/poll.rs",
            ["/root/.cargo/git/checkouts/x.rs-0a1b2c3d/0f87ab1/src/poll.rs"],
        ),
        ("expected /__w/a/b.c or /io/pkg", ["/__w/a/b.c", "/io/pkg"]),
    ],
)
def test_where_a_path_begins_and_ends(text: str, paths: list[str]) -> None:
    assert [path for _, path in found_in(text)] == paths


@pytest.mark.parametrize(
    "content",
    [
        b"/root" * 40_000,
        b"/" + b"a" * 300_000,
        b"/a" * 100_000,
        b"/tmp/" + b"a/" * 100_000 + b"cc",
        b"/home/" * 40_000 + b".c",
        b"/.tmp" * 40_000,
    ],
    ids=lambda content: content[:8].decode(),
)
def test_hostile_bytes_are_read_in_one_go(content: bytes) -> None:
    assert list(paths_in(content)) == []


# --- where they stand


def test_places_in_sections() -> None:
    content = module(
        Extra(".rodata", b"text\0/io/pkg/a.c\0", flags=LOADED),
        Extra(".debug_line_str", b"/io/pkg\0"),
        Extra(".strtab", b"\0/tmp/cclAKedj.o\0", 3),
    )
    assert build_paths(content, "m.so") == [
        BuildPath("/io/pkg/a.c", MACHINE, ".rodata", content.index(b"/io/pkg/a.c"), is_loaded=True),
        BuildPath(
            "/io/pkg", MACHINE, ".debug_line_str", content.index(b"/io/pkg\0"), is_loaded=False
        ),
        BuildPath("/tmp/cclAKedj.o", OBJECT, ".strtab", content.index(b"/tmp/cc"), is_loaded=False),
    ]


@pytest.mark.parametrize(
    "extra",
    [
        # patchelf leaves the old RPATH there
        pytest.param(Extra(".dynstr", b"\0/host/tmp/libpq.build/lib\0", 3, LOADED), id="dynstr"),
        pytest.param(Extra(".text", b"/io/pkg\0", flags=LOADED | 4), id="code"),
        pytest.param(Extra(".debug_loc", b"/io/pkg\0"), id="numbers"),
        pytest.param(Extra(".note.mine", b"/io/pkg\0", 7), id="note"),
    ],
)
def test_sections_that_hold_no_texts_of_a_build(extra: Extra) -> None:
    assert build_paths(module(extra), "m.so") == []


def test_a_section_that_is_compressed() -> None:
    content = b"text\0/io/pkg/a.c\0"
    header = X86_64.pack("IIQQ", 1, 0, len(content), 1)
    packed = Extra(".debug_str", header + zlib.compress(content), flags=0x800)
    old = Extra(".zdebug_str", b"ZLIB" + len(content).to_bytes(8, "big") + zlib.compress(content))
    for extra in (packed, old):
        (found,) = build_paths(module(extra), "m.so")
        assert (found.text, found.section, found.offset) == ("/io/pkg/a.c", extra.name, 5)


def test_sections_share_what_they_may_unpack_to() -> None:
    content = b"/io/pkg/a.c\0" + bytes(MAX_UNPACKED // 2)
    packed = X86_64.pack("IIQQ", 1, 0, len(content), 1) + zlib.compress(content, 1)
    extras = [Extra(f".debug_{name}", packed, flags=0x800) for name in ("str", "line_str")]
    assert [each.section for each in build_paths(module(*extras), "m.so")] == [".debug_str"]


def overlapping() -> bytes:
    """Give a file of which two sections hold all bytes."""
    text = b"/io/pkg\0" * 200
    content = bytearray(module(Extra(".a", text), Extra(".b", text)))
    first, second = content.index(text), content.rindex(text)
    row = X86_64.pack("Q", second) + X86_64.pack("Q", len(text))
    place = content.index(row)
    content[place : place + 16] = X86_64.pack("QQ", first, len(content) - first)
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(shared_object(section_headers=False) + b"\0/io/pkg\0", id="none"),
        pytest.param(b"\x7fELF\0/io/pkg\0", id="no header"),
        pytest.param(b"", id="nothing"),
        pytest.param(overlapping(), id="they overlap"),
    ],
)
def test_a_file_without_sections_is_looked_through_as_a_whole(content: bytes) -> None:
    found = build_paths(content, "m.so")
    assert {each.text for each in found} == ({"/io/pkg"} if content else set())
    assert all(each.is_loaded and not each.section for each in found)
    assert len(found) == content.count(b"/io/pkg")
    assert [each.place for each in found][:1] == [
        f"byte {content.index(b'/io/pkg'):#x}" for _ in content[:1]
    ]


# --- what is said


@pytest.mark.parametrize(
    ("extras", "codes"),
    [
        ([Extra(".rodata", b"nothing\0", flags=LOADED)], []),
        ([Extra(".rodata", b"/io/pkg/a.c\0", flags=LOADED)], ["WF631"]),
        ([Extra(".rodata", b"/tmp/build-env-m273bhe1/a.c\0", flags=LOADED)], ["WF630"]),
        ([Extra(".debug_str", b"/tmp/build-env-m273bhe1/a.c\0")], ["WF632"]),
        (
            [
                Extra(".rodata", b"/io/pkg/a.c\0/tmp/tmp0a1b2c3d/a.c\0", flags=LOADED),
                Extra(".debug_str", b"/io/other\0"),
            ],
            ["WF630", "WF631", "WF632"],
        ),
        # the debug sections say nothing that isn't said already
        (
            [
                Extra(".rodata", b"/io/pkg/a.c\0", flags=LOADED),
                Extra(".debug_str", b"/io/pkg/a.c\0"),
            ],
            ["WF631"],
        ),
    ],
)
def test_codes(extras: Sequence[Extra], codes: list[str]) -> None:
    assert [code for code, _ in said(*extras)] == codes


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("/io/pkg/a.c", COMPILER),
        ("/io/pkg/a.hpp", COMPILER),
        ("/io/pkg/a.rs", RUSTC),
        ("/root/.cargo/registry/src/i-1/x-1/c/a.c", RUSTC),
        ("/io/pkg/a.pyx", f"Cython writes it, and {FOLDER}"),
        ("/io/pkg/share/units.lib", f"the build writes it, and {FOLDER}"),
    ],
)
def test_what_prevents_it(text: str, means: str) -> None:
    extra = Extra(".rodata", text.encode() + b"\0", flags=LOADED)
    place = module(extra).index(text.encode())
    assert said(extra) == [("WF631", f"{text} at byte {place:#x} (.rodata); {means}")]


def test_each_means_once() -> None:
    ((_, sentence),) = said(Extra(".rodata", b"/io/a.c\0/io/b.c\0/io/c.rs\0", flags=LOADED))
    assert sentence.endswith(f" (.rodata), and 2 more; {COMPILER}; {RUSTC}")


def test_what_prevents_it_in_debug_sections() -> None:
    ((_, sentence),) = said(
        Extra(".debug_str", b"/io/pkg\0"), Extra(".strtab", b"/tmp/ccLgigko.o\0")
    )
    assert sentence.endswith(
        f"{COMPILER}; it goes with the symbol table's names of files (--strip-debug)"
    )
