"""The rule table: this file, this evidence, these tags, this target, this policy: that decision."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest

from support.plans import (
    AARCH64,
    ARM_HARD,
    ARM_SOFT,
    I686,
    NO_REPAIR,
    allow,
    binary,
    broken,
    library,
    make_plan,
    module,
    outcome,
    target,
    text,
    wheel_of,
)
from wheelfix import codes, planning
from wheelfix.codes import Finding
from wheelfix.planning import (
    Action,
    Decision,
    Plan,
    Policy,
    Repair,
    Wheel,
    members_in_doubt,
    names_in_question,
)
from wheelfix.planning._fitting import loadable_suffixes, runs_elf
from wheelfix.wheel_tags import parse_wheel_tags

if TYPE_CHECKING:
    from wheelfix.planning import Member

GNU, MUSL = "x86_64-linux-gnu", "x86_64-linux-musl"
GNU39, MUSL39 = f".cpython-39-{GNU}.so", f".cpython-39-{MUSL}.so"
GNU311, MUSL311 = f".cpython-311-{GNU}.so", f".cpython-311-{MUSL}.so"
GNU313, MUSL313 = f".cpython-313-{GNU}.so", f".cpython-313-{MUSL}.so"
PYPY39 = f".pypy39-pp73-{GNU}.so"

T_MUSL39 = "cp39-cp39-musllinux_1_1_x86_64"
T_GLIBC39 = "cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64"
T_BOTH39 = "cp39-cp39-manylinux_2_17_x86_64.musllinux_1_1_x86_64"
T_LINUX39 = "cp39-cp39-linux_x86_64"
T_MUSL311 = "cp311-cp311-musllinux_1_1_x86_64"
T_GLIBC313 = "cp313-cp313-manylinux_2_17_x86_64"
T_ABI3_GLIBC = "cp39-abi3-manylinux_2_17_x86_64"
T_ABI3_MUSL = "cp39-abi3-musllinux_1_1_x86_64"
T_ABI3_MAC = "cp39-abi3-macosx_11_0_arm64"
T_ABI3T = "cp315-abi3t-musllinux_1_2_x86_64"
T_PYPY = "pp39-pypy39_pp73-manylinux_2_17_x86_64"
T_ANY, T_NONE = "py3-none-any", ""

RENAME, DUPLICATE = Policy(Repair.RENAME), Policy(Repair.DUPLICATE)

#: files of other projects that look like modules
CX_FREEZE = f"cx_Freeze/bases/lib-dynload/_asyncio{GNU39}"
EIGENPY = f"cmeel.prefix/lib/python3.9/site-packages/eigenpy/eigenpy_pywrap{GNU39}"


class Row(NamedTuple):
    """One case; the tags are evidence here, whether the target accepts them is tested elsewhere."""

    given: Member
    target: str
    tags: str
    expected: str
    policy: Policy = Policy()
    beside: tuple[Member, ...] = ()


# The expected outcome is: codes, action, new name.
NAMES = {
    # docker python:3.9-alpine, Alpine 3.15, python-build-standalone before and after October 2025
    "-gnu on cp39-gnu": Row(module("p/m" + GNU39), "cp39-gnu", T_MUSL39, "keep"),
    "-gnu on the fallback": Row(module("p/m" + GNU39), "cp39-musl-fallback", T_MUSL39, "keep"),
    "-musl on the fallback": Row(module("p/m" + MUSL39), "cp39-musl-fallback", T_MUSL39, "keep"),
    "-gnu on cp39-musl": Row(
        module("p/m" + GNU39), "cp39-musl", T_MUSL39, f"WF101 rename m{MUSL39}"
    ),
    "-musl on cp39-gnu": Row(
        module("p/m" + MUSL39), "cp39-gnu", T_MUSL39, f"WF101 rename m{GNU39}"
    ),
    "-musl on cp311-gnu": Row(
        module("m" + MUSL311), "cp311-gnu", T_MUSL311, f"WF101 rename m{GNU311}"
    ),
    "-gnu on cp311-musl": Row(
        module("m" + GNU311), "cp311-musl", T_MUSL311, f"WF101 rename m{MUSL311}"
    ),
    "-gnu on cp311-gnu": Row(module("m" + GNU311), "cp311-gnu", T_MUSL311, "keep"),
    "-musl on glibc": Row(
        module("m" + MUSL39, "glibc"), "cp39-glibc", T_GLIBC39, f"WF101 rename m{GNU39}"
    ),
    "gnueabihf on 32-bit arm": Row(
        module("m.cpython-39-arm-linux-gnueabihf.so", "musl", ARM_HARD),
        "cp39-armv7",
        "cp39-cp39-musllinux_1_1_armv7l",
        "WF101 rename m.cpython-39-arm-linux-musleabihf.so",
    ),
    "a build host's platform": Row(
        module("m" + GNU39, "glibc", AARCH64),
        "cp39-aarch64-glibc",
        "cp39-cp39-manylinux_2_17_aarch64",
        "WF101 rename m.cpython-39-aarch64-linux-gnu.so",
    ),
    "a build host's platform, musl's": Row(
        module("m.cpython-39-aarch64-linux-gnu.so"),
        "cp39-musl",
        T_LINUX39,
        f"WF101 rename m{MUSL39}",
    ),
    "no platform part": Row(
        module("m.cpython-39.so"), "cp39-musl", T_MUSL39, f"WF101 rename m{MUSL39}"
    ),
    "no platform part wanted": Row(
        module("m" + GNU39), "cp39-no-triplet", T_MUSL39, "WF101 rename m.cpython-39.so"
    ),
    "only bare names wanted": Row(
        module("m" + GNU39), "cp39-bare-only", T_MUSL39, "WF101 rename m.so"
    ),
    "bare": Row(module("m.so"), "cp39-musl", T_MUSL39, "keep"),
    "bare for another Python": Row(module("m.so"), "cp311-musl", T_MUSL39, "keep"),
    "-gnu with m flag": Row(
        module(f"m.cpython-37m-{MUSL}.so", "glibc"),
        "cp37-glibc",
        "cp37-cp37m-manylinux2014_x86_64",
        f"WF101 rename m.cpython-37m-{GNU}.so",
    ),
    "free-threaded": Row(
        module(f"m.cpython-313t-{MUSL}.so", "glibc"),
        "cp313t-glibc",
        "cp313-cp313t-manylinux_2_17_x86_64",
        f"WF101 rename m.cpython-313t-{GNU}.so",
    ),
    "release on debug": Row(module("m" + GNU313, "glibc"), "cp313d-glibc", T_GLIBC313, "keep"),
    "release on debug, other platform": Row(
        module("m" + MUSL313, "glibc"), "cp313d-glibc", T_GLIBC313, f"WF101 rename m{GNU313}"
    ),
    "debug on debug, other platform": Row(
        module(f"m.cpython-313d-{MUSL}.so", "glibc"),
        "cp313d-glibc",
        T_GLIBC313,
        f"WF101 rename m.cpython-313d-{GNU}.so",
    ),
    "PyPy": Row(module("m" + PYPY39, "glibc"), "pypy39-glibc", T_PYPY, "keep"),
    "PyPy, other platform": Row(
        module(f"m.pypy39-pp73-{MUSL}.so", "glibc"),
        "pypy39-glibc",
        T_PYPY,
        f"WF101 rename m{PYPY39}",
    ),
    "bare in a PyPy wheel": Row(
        module("m.so", "glibc"), "pypy39-glibc", T_PYPY, f"WF101 rename m{PYPY39}"
    ),
    "bare on GraalPy": Row(module("m.so", "glibc"), "graalpy", T_ANY, "keep"),
    "GraalPy": Row(
        module("m.graalpy250-312-native-x86_64-linux.so", "glibc"), "graalpy", T_ANY, "keep"
    ),
    "GraalPy, other platform": Row(
        module("m.graalpy250-312-native-aarch64-linux.so", "glibc"),
        "graalpy",
        T_ANY,
        "WF101 rename m.graalpy250-312-native-x86_64-linux.so",
    ),
}

STABLE_ABI = {
    "abi3": Row(module("m.abi3.so", "glibc"), "cp313-glibc", T_ABI3_GLIBC, "keep"),
    "platform part on Debian": Row(
        module(f"m.abi3-{GNU}.so", "glibc"), "cp313-debian", T_ABI3_GLIBC, "keep"
    ),
    "platform part on 3.15": Row(
        module(f"m.abi3-{GNU}.so", "glibc"), "cp315-glibc", T_ABI3_GLIBC, "keep"
    ),
    "platform part on 3.9": Row(
        module(f"m.abi3-{GNU}.so", "glibc"), "cp39-glibc", T_ABI3_GLIBC, "WF101 rename m.abi3.so"
    ),
    "platform part on 3.14": Row(
        module(f"m.abi3-{GNU}.so", "glibc"), "cp314-glibc", T_ABI3_GLIBC, "WF101 rename m.abi3.so"
    ),
    "glibc's platform part on musl": Row(
        module(f"m.abi3-{GNU}.so"), "cp315-musl", T_ABI3_MUSL, "WF101 rename m.abi3.so"
    ),
    "another platform part on Debian": Row(
        module(f"m.abi3-{MUSL}.so", "glibc"), "cp313-debian", T_ABI3_GLIBC, "WF101 rename m.abi3.so"
    ),
    "platform part in a wheel of one version": Row(
        module(f"m.abi3-{GNU}.so", "glibc"), "cp313-glibc", T_GLIBC313, "WF101 rename m.abi3.so"
    ),
    "where only bare names load": Row(
        module("m.abi3.so"), "cp39-bare-only", T_ABI3_MUSL, "WF101 rename m.so"
    ),
    "abi3t": Row(module("m.abi3t.so"), "cp315t-musl", T_ABI3T, "keep"),
    "abi3t with the GIL": Row(module("m.abi3t.so"), "cp315-musl", T_ABI3T, "keep"),
    "abi3t with another platform part": Row(
        module(f"m.abi3t-{GNU}.so"), "cp315t-musl", T_ABI3T, "WF101 rename m.abi3t.so"
    ),
    "a beta of 3.15": Row(
        module(f"m.abi3t-{MUSL}.so"), "cp315-beta", T_ABI3T, "WF101 rename m.abi3t.so"
    ),
    # 3.13t and 3.14t list .abi3.so, and crash on it
    "abi3 on 3.13t": Row(
        module("m.abi3.so", "glibc"), "cp313t-glibc", T_ABI3_GLIBC, "WF204 refuse"
    ),
    "platform part on 3.14t": Row(
        module(f"m.abi3-{GNU}.so", "glibc"), "cp314t-glibc", T_ABI3_GLIBC, "WF204 refuse"
    ),
    "abi3 on 3.15t": Row(module("m.abi3.so"), "cp315t-musl", T_ABI3_MUSL, "WF204 refuse"),
    "abi3t on 3.14": Row(
        module("m.abi3t.so", "glibc"), "cp314-glibc", T_ABI3_GLIBC, "WF203 refuse"
    ),
    "abi3t on PyPy": Row(
        module("m.abi3t.so", "glibc"), "pypy39-glibc", T_ABI3_GLIBC, "WF203 refuse"
    ),
    "abi3 on PyPy": Row(
        module("m.abi3.so", "glibc"), "pypy311-glibc", T_ABI3_GLIBC, "WF203 refuse"
    ),
    "abi3 on GraalPy": Row(module("m.abi3.so", "glibc"), "graalpy", T_ABI3_GLIBC, "WF203 refuse"),
    # uefi-firmware 1.11
    "false abi3 on its own version": Row(
        module("m" + GNU39, "glibc"), "cp39-glibc", T_ABI3_GLIBC, "keep"
    ),
    "false abi3 on its own version, other platform": Row(
        module("m" + GNU39), "cp39-musl", T_ABI3_MUSL, f"WF101 rename m{MUSL39}"
    ),
    "false abi3 on another version": Row(
        module("m" + GNU39), "cp313-musl", T_ABI3_MUSL, "WF205 refuse"
    ),
}

OTHER_BINARIES = {
    "another machine": Row(
        module("m" + GNU39, "glibc", AARCH64), "cp39-glibc", T_GLIBC39, "WF201 refuse"
    ),
    "another word size": Row(
        module("m" + GNU39, "glibc", I686), "cp39-glibc", T_GLIBC39, "WF201 refuse"
    ),
    "another float ABI": Row(
        module("m.cpython-39-arm-linux-gnueabihf.so", "musl", ARM_SOFT),
        "cp39-armv7",
        "cp39-cp39-linux_armv7l",
        "WF201 refuse",
    ),
    "ELF on macOS": Row(module("m" + GNU39, "glibc"), "cp39-darwin", T_ANY, "WF201 refuse"),
    "another version": Row(module("m" + GNU311), "cp39-gnu", T_MUSL39, "WF203 refuse"),
    "CPython on PyPy": Row(module("m" + GNU39, "glibc"), "pypy39-glibc", T_ANY, "WF203 refuse"),
    "PyPy on CPython": Row(module("m" + PYPY39, "glibc"), "cp39-glibc", T_ANY, "WF203 refuse"),
    "another PyPy": Row(module("m" + PYPY39, "glibc"), "pypy311-glibc", T_ANY, "WF203 refuse"),
    "CPython on GraalPy": Row(module("m" + GNU39, "glibc"), "graalpy", T_ANY, "WF203 refuse"),
    "bare on PyPy": Row(module("m.so", "glibc"), "pypy39-glibc", T_ANY, "WF203 refuse"),
    "bare on PyPy, no tags": Row(module("m.so", "glibc"), "pypy39-glibc", T_NONE, "WF203 refuse"),
    "bare on PyPy, tags of both": Row(
        module("m.so", "glibc"), "pypy39-glibc", "cp39.pp39-none-any", "WF203 refuse"
    ),
    "debug on release": Row(
        module(f"m.cpython-313d-{GNU}.so", "glibc"), "cp313-glibc", T_GLIBC313, "WF203 refuse"
    ),
    "release on a debug build that doesn't list it": Row(
        module("m" + MUSL313), "cp313-trace-refs", T_ANY, "WF203 refuse"
    ),
    "free-threaded on GIL": Row(
        module(f"m.cpython-313t-{GNU}.so", "glibc"), "cp313-glibc", T_GLIBC313, "WF203 refuse"
    ),
    "GIL on free-threaded": Row(
        module("m" + GNU313, "glibc"), "cp313t-glibc", T_GLIBC313, "WF203 refuse"
    ),
    "without m on 3.7m": Row(
        module(f"m.cpython-37-{GNU}.so", "glibc"), "cp37-glibc", T_ANY, "WF203 refuse"
    ),
    "another version where no tag is known": Row(
        module("m" + GNU311), "cp39-gnu", T_NONE, "WF203 refuse"
    ),
    # the names agree with the target, the code doesn't
    "glibc code under a name that loads": Row(
        module("m" + GNU39, "glibc"), "cp39-gnu", T_BOTH39, "WF202 refuse"
    ),
    "glibc code under a name that doesn't load": Row(
        module("m" + GNU39, "glibc"), "cp39-musl", T_BOTH39, "WF202 refuse"
    ),
    "glibc code, and the tags say so": Row(
        module("m" + GNU39, "glibc"), "cp39-gnu", T_GLIBC39, "WF202 refuse"
    ),
    "musl code on glibc": Row(
        module("m" + MUSL39, "musl"), "cp39-glibc", T_LINUX39, "WF202 refuse"
    ),
    "uclibc code on glibc": Row(
        module("m" + GNU39, "uclibc"), "cp39-glibc", T_LINUX39, "WF202 refuse"
    ),
    "bionic code on musl": Row(
        module("m" + GNU39, "bionic"), "cp39-gnu", T_LINUX39, "WF202 refuse"
    ),
    "uclibc code on uclibc": Row(module("m" + GNU39, "uclibc"), "cp39-uclibc", T_LINUX39, "keep"),
    "bare, glibc code on musl": Row(module("m.so", "glibc"), "cp39-musl", T_ANY, "WF202 refuse"),
    "nothing known of the target's libc": Row(
        module("m" + GNU39, "glibc"), "cp39-unknown-libc", T_LINUX39, "keep"
    ),
    "two libcs, one the target's": Row(
        module("m" + GNU39, "glibc+musl"), "cp39-gnu", T_ANY, "keep"
    ),
    "static interpreter": Row(module("m" + MUSL39), "cp39-static", T_LINUX39, "WF206 refuse"),
}

# thin modules of mypyc and Rust need no libc by name
NO_LIBC_EVIDENCE = {
    "the tag names the target's": Row(
        module("m" + GNU39, None), "cp39-musl", T_MUSL39, f"WF101 rename m{MUSL39}"
    ),
    "the tag names both": Row(module("m" + GNU39, None), "cp39-gnu", T_BOTH39, "keep"),
    "the tag names another": Row(module("m" + GNU39, None), "cp39-musl", T_GLIBC39, "WF202 refuse"),
    "the tag names another, and the name loads": Row(
        module("m" + GNU39, None), "cp39-gnu", T_GLIBC39, "WF202 refuse"
    ),
    "linux tag": Row(module("m" + GNU39, None), "cp39-gnu", T_LINUX39, "WF209 keep"),
    "linux tag, renamed": Row(
        module("m" + GNU39, None), "cp39-musl", T_LINUX39, f"WF101 WF209 rename m{MUSL39}"
    ),
    "any tag": Row(module("m.so", None), "cp39-gnu", T_ANY, "WF209 keep"),
    "not a module": Row(library("m.so", None), "cp39-gnu", T_ANY, "keep"),
    "the target's is unknown": Row(
        module("m" + GNU39, None), "cp39-unknown-libc", T_LINUX39, "keep"
    ),
}

LOOKALIKES = {
    "rebound's ctypes library": Row(
        library("librebound" + GNU39), "cp39-musl", T_MUSL39, f"WF102 duplicate librebound{MUSL39}"
    ),
    "the same, repair rename": Row(
        library("librebound" + GNU39),
        "cp39-musl",
        T_MUSL39,
        f"WF102 duplicate librebound{MUSL39}",
        RENAME,
    ),
    "the same, repair off": Row(
        library("librebound" + GNU39), "cp39-musl", T_MUSL39, "WF103 keep", NO_REPAIR
    ),
    "the same, its name loads": Row(library("librebound" + GNU39), "cp39-gnu", T_MUSL39, "keep"),
    "the same, glibc's": Row(
        library("librebound" + GNU39, "glibc"), "cp39-musl", T_MUSL39, "WF207 keep"
    ),
    "the same, another Python's": Row(
        library("librebound" + GNU311), "cp39-musl", T_MUSL39, "WF207 keep"
    ),
    "its second name is taken": Row(
        library("p/x" + GNU39),
        "cp39-musl",
        T_MUSL39,
        "WF103 keep",
        beside=(text("p/x" + MUSL39),),
    ),
    "a .py beside it": Row(
        library("p/x" + GNU39), "cp39-musl", T_MUSL39, "WF108 keep", beside=(text("p/x.py"),)
    ),
    "a .pyc beside it": Row(
        library("p/x" + GNU39), "cp39-musl", T_MUSL39, "WF108 keep", beside=(text("p/x.pyc"),)
    ),
    "a package beside it": Row(
        library("p/x" + GNU39),
        "cp39-musl",
        T_MUSL39,
        "WF108 keep",
        beside=(text("p/x/__init__.py"),),
    ),
    "a .py beside it, from .data": Row(
        library("p/x" + GNU39),
        "cp39-musl",
        T_MUSL39,
        "WF108 keep",
        beside=(text("e-1.data/purelib/p/x.py"),),
    ),
    "a .py that only begins alike": Row(
        library("p/x" + GNU39),
        "cp39-musl",
        T_MUSL39,
        f"WF102 duplicate x{MUSL39}",
        beside=(text("p/x_y.py"), text("p/xy/__init__.py")),
    ),
    "a module beside it": Row(
        library(f"p/x.abi3-{GNU}.so"),
        "cp39-musl",
        T_MUSL39,
        "WF108 keep",
        beside=(module("p/x" + GNU39),),
    ),
    "another system's file beside it": Row(
        library("p/x" + GNU39),
        "cp39-musl",
        T_MUSL39,
        f"WF102 duplicate x{MUSL39}",
        beside=(binary("p/x.cpython-39-darwin.so"),),
    ),
    "bare, where bare names don't load": Row(
        library("p/libx.so", "glibc"), "pypy39-glibc", T_ANY, "keep"
    ),
    # memray opens it by this very name
    "memray": Row(library("memray/_inject.abi3.so"), "cp313-musl", T_ANY, "keep"),
    "memray, free-threaded": Row(
        library("memray/_inject.abi3.so", "glibc"), "cp313t-glibc", T_ANY, "WF207 keep"
    ),
    "init symbol of another module": Row(
        library("p/_rust" + GNU39, init_symbols=["PyInit_other"]),
        "cp39-musl",
        T_MUSL39,
        f"WF102 duplicate _rust{MUSL39}",
    ),
    "an executable with a module's name": Row(
        library("p/console" + GNU39, init_symbols=["PyInit_console"], is_shared_object=False),
        "cp39-musl",
        T_MUSL39,
        f"WF102 duplicate console{MUSL39}",
    ),
    "abi3t module, by PyModExport": Row(
        library("m.abi3t.so", init_symbols=["PyModExport_m"]), "cp315-musl", T_ANY, "keep"
    ),
    # panda3d: CPython's mark for a build that doesn't import
    "-gnu_failed": Row(
        module(f"m.cpython-39-{GNU}_failed.so"), "cp39-musl", T_MUSL39, "WF107 keep"
    ),
    "-gnu_failed for another machine": Row(
        module(f"m.cpython-39-{GNU}_failed.so", "glibc", AARCH64),
        "cp39-musl",
        T_MUSL39,
        "WF107 keep",
    ),
    "beside -gnu_failed": Row(
        module("m" + GNU39),
        "cp39-musl",
        T_MUSL39,
        f"WF101 rename m{MUSL39}",
        beside=(module(f"m.cpython-39-{GNU}_failed.so"),),
    ),
    "an unknown platform that loads": Row(
        module("m.cpython-39-x86_64-poky-linux.so"), "cp39-unknown-platform", T_ANY, "keep"
    ),
    "to an unknown platform": Row(
        module("m" + GNU39),
        "cp39-unknown-platform",
        T_ANY,
        "WF101 rename m.cpython-39-x86_64-poky-linux.so",
    ),
}

OTHER_FILES = {
    "selenium: right machine": Row(
        library("selenium/manager/linux", None), "cp39-musl", T_ANY, "keep"
    ),
    "selenium: other machine": Row(
        library("selenium/manager/linux-arm", None, AARCH64), "cp39-musl", T_ANY, "WF207 keep"
    ),
    "selenium: macOS target": Row(
        library("selenium/manager/linux", None), "cp39-darwin", T_ANY, "WF207 keep"
    ),
    "debugpy's attach library": Row(
        library("pydevd/attach_linux_amd64.so", "glibc"), "cp39-musl", T_ANY, "WF207 keep"
    ),
    "a bundled library of another libc": Row(
        library("p.libs/libx-1234.so.5", "glibc"),
        "cp39-musl",
        T_ANY,
        "WF207 keep",
        beside=(module("m" + GNU39),),
    ),
    "an executable on a static interpreter": Row(
        library("e-1.data/scripts/ninja", None), "cp39-static", T_ANY, "keep"
    ),
    "Mach-O": Row(binary("m.cpython-39-darwin.so"), "cp39-musl", T_ANY, "keep"),
    "PE": Row(binary("m.cp39-win_amd64.pyd", "pe"), "cp39-musl", T_ANY, "keep"),
    "WebAssembly": Row(
        binary("m.cpython-313-wasm32-emscripten.so", "wasm"), "cp313-musl", T_ANY, "keep"
    ),
    "text under a module's name": Row(text("libx.so"), "cp39-musl", T_ANY, "keep"),
    "malformed module": Row(broken("m" + GNU39), "cp39-musl", T_MUSL39, "WF208 keep"),
    "malformed file": Row(broken("p/data.bin"), "cp39-musl", T_MUSL39, "WF207 keep"),
    "its header reads, its tables don't": Row(
        module("m" + GNU39)._replace(facts=None, malformed="its tables can't be read"),
        "cp39-musl",
        T_MUSL39,
        "WF208 keep",
    ),
}

DARWIN = {
    "platform part": Row(
        binary("m.abi3-darwin.so"), "cp313-darwin", T_ABI3_MAC, "WF101 rename m.abi3.so"
    ),
    "platform part, duplicate": Row(
        binary("m.abi3-darwin.so"),
        "cp313-darwin",
        T_ABI3_MAC,
        "WF102 duplicate m.abi3.so",
        DUPLICATE,
    ),
    "platform part, off": Row(
        binary("m.abi3-darwin.so"), "cp313-darwin", T_ABI3_MAC, "WF104 keep", NO_REPAIR
    ),
    "platform part on 3.15": Row(binary("m.abi3-darwin.so"), "cp315-darwin", T_ABI3_MAC, "keep"),
    "not an abi3 wheel": Row(
        binary("m.abi3-darwin.so"), "cp313-darwin", "cp313-cp313-macosx_11_0_arm64", "keep"
    ),
    "on Linux": Row(binary("m.abi3-darwin.so"), "cp313-glibc", "cp39-abi3-any", "keep"),
    "out of reach": Row(binary("a-b/m.abi3-darwin.so"), "cp313-darwin", T_ABI3_MAC, "keep"),
    "the name is taken": Row(
        binary("m.abi3-darwin.so"),
        "cp313-darwin",
        T_ABI3_MAC,
        "WF103 keep",
        beside=(text("m.abi3.so"),),
    ),
    "another Python": Row(binary("m.cpython-311-darwin.so"), "cp313-darwin", T_ABI3_MAC, "keep"),
    "free-threaded": Row(binary("m.abi3-darwin.so"), "cp313t-darwin", T_ABI3_MAC, "keep"),
    "abi3t before 3.15": Row(binary("m.abi3t-darwin.so"), "cp313-darwin", T_ABI3_MAC, "keep"),
    # one wheel for two systems
    "Linux's twin": Row(
        module(f"m.abi3-{GNU}.so", "glibc"),
        "cp313-darwin",
        "cp39-abi3-any",
        "keep",
        beside=(binary("m.abi3-darwin.so"),),
    ),
    "macOS's twin": Row(
        binary("m.so"),
        "cp39-musl",
        T_ANY,
        "keep",
        beside=(module("m" + GNU39),),
    ),
    "beside a loadable Mach-O": Row(
        module("m" + GNU39),
        "cp39-musl",
        T_ANY,
        f"WF101 rename m{MUSL39}",
        beside=(binary("m.abi3.so"),),
    ),
}

PATHS = {
    "a package that is a module": Row(
        module(f"pydantic/__init__{GNU39}"), "cp39-musl", T_MUSL39, f"WF101 rename __init__{MUSL39}"
    ),
    "a .py twin": Row(
        module("md" + GNU39),
        "cp39-musl",
        T_MUSL39,
        f"WF101 rename md{MUSL39}",
        beside=(text("md.py"),),
    ),
    "a name beyond ASCII": Row(
        module("lančmít" + GNU39), "cp39-musl", T_MUSL39, f"WF101 rename lančmít{MUSL39}"
    ),
    "in .data/purelib": Row(
        module(f"e-1.data/purelib/p/m{GNU39}"), "cp39-musl", T_MUSL39, f"WF101 rename m{MUSL39}"
    ),
    "in .data/platlib, wrong libc": Row(
        module(f"e-1.data/platlib/m{GNU39}", "glibc"), "cp39-musl", T_ANY, "WF202 refuse"
    ),
    "in .data/data": Row(
        module(f"e-1.data/data/lib/m{GNU39}"), "cp39-musl", T_MUSL39, "WF106 keep"
    ),
    "in .data/scripts, wrong libc": Row(
        module(f"e-1.data/scripts/m{GNU39}", "glibc"), "cp39-gnu", T_ANY, "WF106 keep"
    ),
    "in .data/headers, loads": Row(module(f"e-1.data/headers/m{GNU39}"), "cp39-gnu", T_ANY, "keep"),
    "cx_Freeze": Row(module(CX_FREEZE), "cp39-musl", T_MUSL39, "WF106 keep"),
    "cx_Freeze, names that load": Row(module(CX_FREEZE), "cp39-gnu", T_MUSL39, "keep"),
    "cx_Freeze, names that load, another libc": Row(
        module(CX_FREEZE, "glibc"), "cp39-gnu", T_ANY, "WF106 keep"
    ),
    "eigenpy": Row(
        module(EIGENPY), "cp39-musl", T_MUSL39, f"WF102 duplicate eigenpy_pywrap{MUSL39}"
    ),
    "eigenpy, rename": Row(
        module(EIGENPY), "cp39-musl", T_MUSL39, f"WF102 duplicate eigenpy_pywrap{MUSL39}", RENAME
    ),
    "eigenpy, off": Row(module(EIGENPY), "cp39-musl", T_MUSL39, "WF104 keep", NO_REPAIR),
    "eigenpy, its name loads": Row(module(EIGENPY), "cp39-gnu", T_MUSL39, "keep"),
    "eigenpy, another libc": Row(module(EIGENPY, "glibc"), "cp39-musl", T_ANY, "WF106 keep"),
    "eigenpy, its second name is taken": Row(
        module(EIGENPY),
        "cp39-musl",
        T_MUSL39,
        "WF106 keep",
        beside=(text(EIGENPY.replace(GNU39, MUSL39)),),
    ),
    "executorch: needed by another file": Row(
        module("e/_C" + GNU39),
        "cp39-musl",
        T_MUSL39,
        f"WF102 duplicate _C{MUSL39}",
        beside=(library("e/libops.so", needed=["_C" + GNU39]),),
    ),
    "needed by a path": Row(
        module("e/_C" + GNU39),
        "cp39-musl",
        T_MUSL39,
        f"WF102 duplicate _C{MUSL39}",
        RENAME,
        beside=(library("e/libops.so", needed=["../e/_C" + GNU39]),),
    ),
    "needed by its DT_SONAME, which is its file name": Row(
        module("e/_C" + GNU39, soname="_C" + GNU39, is_linkable=False),
        "cp39-musl",
        T_MUSL39,
        f"WF102 duplicate _C{MUSL39}",
        beside=(library("e/libops.so", needed=["_C" + GNU39]),),
    ),
    "no linker would write its file name": Row(
        module("e/_C" + GNU39, soname="libC.so"),
        "cp39-musl",
        T_MUSL39,
        f"WF101 rename _C{MUSL39}",
        beside=(library("e/libops.so", needed=["_C" + GNU39]),),
    ),
    "there is nothing in it to link against": Row(
        module("e/_C" + GNU39, is_linkable=False),
        "cp39-musl",
        T_MUSL39,
        f"WF101 rename _C{MUSL39}",
        beside=(library("e/libops.so", needed=["_C" + GNU39]),),
    ),
    "needed by another module that is renamed": Row(
        module("e/_C" + GNU39, is_linkable=False),
        "cp39-musl",
        T_MUSL39,
        f"WF102 duplicate _C{MUSL39}",
        beside=(module("e/_D" + GNU39, needed=["_C" + GNU39]),),
    ),
    "needed, but for another libc": Row(
        module("e/_C" + GNU39, "glibc"),
        "cp39-musl",
        T_MUSL39,
        "WF202 refuse",
        beside=(library("e/libops.so", needed=["_C" + GNU39]),),
    ),
}

BOTH_NAMES = {
    "the loadable one is right": Row(
        module("m" + GNU39), "cp39-musl", T_MUSL39, "keep", beside=(module("m" + MUSL39),)
    ),
    "the loadable one is for another libc": Row(
        module("m" + MUSL39, "glibc"),
        "cp39-musl",
        T_MUSL39,
        "WF202 refuse",
        beside=(module("m" + GNU39),),
    ),
    "the loadable one is for another machine": Row(
        module("m" + MUSL39, "musl", AARCH64),
        "cp39-musl",
        T_MUSL39,
        "WF201 refuse",
        beside=(module("m" + GNU39),),
    ),
    "the loadable one is no module": Row(
        module("m" + GNU39),
        "cp39-musl",
        T_MUSL39,
        "WF105 refuse",
        beside=(library("m" + MUSL39),),
    ),
    "the loadable one is malformed": Row(
        module("m" + GNU39),
        "cp39-musl",
        T_MUSL39,
        "WF105 refuse",
        beside=(broken("m" + MUSL39),),
    ),
    "the loadable one is text": Row(
        module("m" + GNU39), "cp39-musl", T_MUSL39, "WF105 refuse", beside=(text("m" + MUSL39),)
    ),
    "the loadable one is text, from .data": Row(
        module("p/m" + GNU39),
        "cp39-musl",
        T_MUSL39,
        "WF105 refuse",
        beside=(text(f"e-1.data/purelib/p/m{MUSL39}"),),
    ),
    "the loadable one lies in another scheme": Row(
        module("m" + GNU39),
        "cp39-musl",
        T_MUSL39,
        f"WF101 rename m{MUSL39}",
        beside=(text(f"e-1.data/data/m{MUSL39}"),),
    ),
    "text, repair off": Row(
        module("m" + GNU39),
        "cp39-musl",
        T_MUSL39,
        "WF104 keep",
        NO_REPAIR,
        beside=(text("m" + MUSL39),),
    ),
    "text, allowed": Row(
        module("m" + GNU39),
        "cp39-musl",
        T_MUSL39,
        "WF105 keep",
        allow("WF105"),
        beside=(text("m" + MUSL39),),
    ),
    "a ctypes library with the bare name": Row(
        module("m" + GNU39),
        "cp39-musl",
        T_MUSL39,
        f"WF101 rename m{MUSL39}",
        beside=(library("m.so"),),
    ),
    "that library": Row(
        library("m.so"), "cp39-musl", T_MUSL39, "keep", beside=(module("m" + GNU39),)
    ),
    "two that would fit": Row(
        module("m" + GNU39),
        "cp39-musl",
        T_MUSL39,
        f"WF101 rename m{MUSL39}",
        beside=(module(f"m.abi3-{GNU}.so"),),
    ),
    "the less specific of them": Row(
        module(f"m.abi3-{GNU}.so"), "cp39-musl", T_MUSL39, "keep", beside=(module("m" + GNU39),)
    ),
}

_FOUR_PYTHONS = tuple(
    module(f"m.cpython-{version}-{GNU}.so") for version in ("38", "39", "310", "311")
)
MULTI_PYTHON = {
    "one loads": Row(_FOUR_PYTHONS[0], "cp39-gnu", T_ANY, "keep", beside=_FOUR_PYTHONS[1:]),
    "one fits: the others": Row(
        _FOUR_PYTHONS[0], "cp39-musl", T_ANY, "keep", beside=_FOUR_PYTHONS[1:]
    ),
    "one fits: it": Row(
        _FOUR_PYTHONS[1],
        "cp39-musl",
        T_ANY,
        f"WF101 rename m{MUSL39}",
        beside=(_FOUR_PYTHONS[0], *_FOUR_PYTHONS[2:]),
    ),
    "none fits: the first is told": Row(
        _FOUR_PYTHONS[2], "cp313-musl", T_ANY, "WF203 refuse", beside=_FOUR_PYTHONS[:2]
    ),
    "none fits: the others are not": Row(
        _FOUR_PYTHONS[1], "cp313-musl", T_ANY, "keep", beside=_FOUR_PYTHONS[2:]
    ),
    "one for each libc": Row(
        module("m" + GNU39, "glibc"), "cp39-musl", T_ANY, "keep", beside=(module("m" + MUSL39),)
    ),
}

POLICIES = {
    "rename": Row(module("m" + GNU39), "cp39-musl", T_MUSL39, f"WF101 rename m{MUSL39}", RENAME),
    "duplicate": Row(
        module("m" + GNU39), "cp39-musl", T_MUSL39, f"WF102 duplicate m{MUSL39}", DUPLICATE
    ),
    "off": Row(module("m" + GNU39), "cp39-musl", T_MUSL39, "WF104 keep", NO_REPAIR),
    "off, abi3": Row(
        module(f"m.abi3-{GNU}.so", "glibc"), "cp39-glibc", T_ABI3_GLIBC, "WF104 keep", NO_REPAIR
    ),
    "off doesn't let wrong code in": Row(
        module("m" + GNU39, "glibc"), "cp39-musl", T_ANY, "WF202 refuse", NO_REPAIR
    ),
    "duplicate, its name loads": Row(module("m" + GNU39), "cp39-gnu", T_MUSL39, "keep", DUPLICATE),
    "duplicate, unreachable": Row(
        module(CX_FREEZE), "cp39-musl", T_MUSL39, "WF106 keep", DUPLICATE
    ),
    # allowed: as installer would
    "WF201": Row(
        module("m" + GNU39, "musl", AARCH64), "cp39-musl", T_ANY, "WF201 keep", allow("WF201")
    ),
    "WF202": Row(module("m" + GNU39, "glibc"), "cp39-musl", T_ANY, "WF202 keep", allow("WF202")),
    "WF203": Row(module("m" + GNU311), "cp39-musl", T_ANY, "WF203 keep", allow("WF203")),
    "WF204": Row(
        module("m.abi3.so", "glibc"), "cp313t-glibc", T_ABI3_GLIBC, "WF204 keep", allow("WF204")
    ),
    "WF205": Row(module("m" + GNU39), "cp313-musl", T_ABI3_MUSL, "WF205 keep", allow("WF205")),
    "WF206": Row(module("m" + MUSL39), "cp39-static", T_LINUX39, "WF206 keep", allow("WF206")),
    "one code lets no other through": Row(
        module("m" + GNU311, "glibc"), "cp39-musl", T_ANY, "WF203 WF202 refuse", allow("WF203")
    ),
    "another code": Row(
        module("m" + GNU311, "glibc"), "cp39-musl", T_ANY, "WF203 refuse", allow("WF202")
    ),
    "both codes": Row(
        module("m" + GNU311, "glibc"),
        "cp39-musl",
        T_ANY,
        "WF203 WF202 keep",
        allow("WF202", "WF203"),
    ),
    "a code that can't be allowed": Row(
        module("m" + GNU39), "cp39-musl", T_MUSL39, f"WF101 rename m{MUSL39}", allow("WF101")
    ),
}

TABLE = {
    "names": NAMES,
    "stable ABI": STABLE_ABI,
    "other binaries": OTHER_BINARIES,
    "no libc evidence": NO_LIBC_EVIDENCE,
    "lookalikes": LOOKALIKES,
    "other files": OTHER_FILES,
    "darwin": DARWIN,
    "paths": PATHS,
    "both names": BOTH_NAMES,
    "several Pythons": MULTI_PYTHON,
    "policies": POLICIES,
}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{section}: {name}")
        for section, rows in TABLE.items()
        for name, row in rows.items()
    ],
)
def test_a_file_is_decided_on_by_its_row(row: Row) -> None:
    plan = make_plan(
        [row.given, *row.beside], [target(row.target)], row.tags, row.policy, check_tags=False
    )
    assert outcome(plan, row.given) == row.expected


def test_a_path_entry_of_the_wheel_counts_where_nothing_else_leads() -> None:
    member = module(f"vendor-1/p/m{GNU39}")
    for entries, expected in (
        (("vendor-1",), f"WF102 duplicate m{MUSL39}"),
        (("vendor-1/p",), f"WF102 duplicate m{MUSL39}"),
        (("vendor",), "WF106 keep"),
        (("vendor-1/p/q",), "WF106 keep"),
        ((), "WF106 keep"),
        (("other", "vendor-1"), f"WF102 duplicate m{MUSL39}"),
    ):
        plan = make_plan([member], [target("cp39-musl")], T_MUSL39, path_entries=entries)
        assert outcome(plan, member) == expected
    deeper = module(f"vendor-1/a-b/m{GNU39}")
    plan = make_plan([deeper], [target("cp39-musl")], T_MUSL39, path_entries=("vendor-1",))
    assert outcome(plan, deeper) == "WF106 keep"
    importable = module(f"vendor/p/m{GNU39}")
    plan = make_plan([importable], [target("cp39-musl")], T_MUSL39, path_entries=("vendor",))
    assert outcome(plan, importable) == f"WF101 rename m{MUSL39}"


LEFT_OUT = {
    "p/__pycache__/m.cpython-39.pyc": "WF411 leave-out",
    f"p/__pycache__/m{GNU39}": "WF411 leave-out",
    "e-1.dist-info/INSTALLER": "WF412 leave-out",
    "e-1.dist-info/REQUESTED": "WF412 leave-out",
    "e-1.dist-info/direct_url.json": "WF412 leave-out",
    "e-1.dist-info/wheelfix.json": "WF412 leave-out",
    # it would end up in the very same place
    "e-1.data/purelib/e-1.dist-info/INSTALLER": "WF412 leave-out",
    "e-1.data/data/e-1.dist-info/INSTALLER": "keep",
    "e-1.dist-info/licenses/INSTALLER": "keep",
    "e-1.dist-info/RECORD": "keep",
    "INSTALLER": "keep",
    "p/INSTALLER": "keep",
}


@pytest.mark.parametrize(("path", "expected"), LEFT_OUT.items())
def test_what_installers_and_interpreters_write_is_left_out(path: str, expected: str) -> None:
    given = module(path) if path.endswith(".so") else text(path)
    plan = make_plan([given], [target("cp39-musl")], T_MUSL39)
    assert outcome(plan, given) == expected
    assert plan.paths_of(path) == (() if expected != "keep" else (path,))
    assert len(plan.decisions) == (expected != "keep")


def test_decisions_stand_in_the_order_of_the_wheel_once_each() -> None:
    members = [
        library("b" + GNU39),
        module("a" + GNU39),
        library("helper", "glibc"),
        broken("c" + GNU39),
        module("a.abi3.so", "glibc"),
    ]
    plan = make_plan(members, [target("cp39-musl")], T_ANY)
    assert [decision.path for decision in plan.decisions] == [
        "b" + GNU39,
        "helper",
        "c" + GNU39,
        "a.abi3.so",
    ]


DOUBT: dict[str, tuple[list[Member], str, str, set[str]]] = {
    "every name loads, the tags name the libc": (
        [module("a" + GNU39), module("b.so"), library("helper")],
        "cp39-gnu",
        T_MUSL39,
        set(),
    ),
    "no ELF file": ([text("a.py"), binary("a.so")], "cp39-gnu", T_MUSL39, set()),
    "a name doesn't load": (
        [module("a" + GNU39), module("b.so"), library("helper"), text("c.py")],
        "cp39-musl",
        T_MUSL39,
        {"a" + GNU39},
    ),
    "a name doesn't load, one of the same module does": (
        [module("p/a" + GNU39), module("p/a.so"), module("a.so"), library("helper")],
        "cp39-musl",
        T_MUSL39,
        {"p/a" + GNU39, "p/a.so"},
    ),
    "a name doesn't load, and the tags name no libc": (
        [module("a" + GNU39), module("b.so"), library("helper"), text("c.py")],
        "cp39-musl",
        T_LINUX39,
        {"a" + GNU39, "b.so", "helper"},
    ),
    "no file has a module's name": ([library("helper")], "cp39-musl", T_LINUX39, set()),
    "the tags name no libc": (
        [module("a" + GNU39), library("helper")],
        "cp39-gnu",
        T_LINUX39,
        {"a" + GNU39},
    ),
    "the tags name both": ([module("a" + GNU39)], "cp39-gnu", T_BOTH39, {"a" + GNU39}),
    "the tags name another libc than the target's": (
        [module("a" + GNU39)],
        "cp39-gnu",
        T_GLIBC39,
        {"a" + GNU39},
    ),
    "the target's libc is unknown": (
        [module("a" + GNU39)],
        "cp39-unknown-libc",
        T_GLIBC39,
        set(),
    ),
    "its header is of another machine": (
        [module("a" + GNU39), module("b" + GNU39, "musl", AARCH64)],
        "cp39-gnu",
        T_MUSL39,
        {"b" + GNU39},
    ),
    "its name loads, and must not": (
        [module("a.abi3.so", "glibc"), module(f"b.cpython-313t-{GNU}.so", "glibc")],
        "cp313t-glibc",
        T_GLIBC313,
        {"a.abi3.so"},
    ),
}


@pytest.mark.parametrize(("members", "on", "tags", "expected"), DOUBT.values(), ids=DOUBT)
def test_only_what_is_in_doubt_is_read(
    members: list[Member], on: str, tags: str, expected: set[str]
) -> None:
    unread = tuple(member._replace(facts=None) for member in members)
    wheel = Wheel("e.whl", parse_wheel_tags(tags), unread)
    assert members_in_doubt(wheel, [target(on)]) == expected


@pytest.mark.parametrize(
    ("member", "policy", "expected"),
    [
        (module("p/m" + GNU39), Policy(), {"m" + GNU39}),
        (module("p/m" + GNU39, soname="m" + GNU39, is_linkable=False), Policy(), {"m" + GNU39}),
        (module("p/m" + GNU39, soname="libm.so"), Policy(), set()),
        (module("p/m" + GNU39, is_linkable=False), Policy(), set()),
        # they keep their names
        (module("p/m" + GNU39), Policy(Repair.DUPLICATE), set()),
        (module("p/m" + GNU39), NO_REPAIR, set()),
        (module("p/m" + GNU39, "glibc"), Policy(), set()),
        (module("p/m" + MUSL39), Policy(), set()),
        (library("p/m" + GNU39), Policy(), set()),
    ],
)
def test_whose_name_others_may_ask_for(member: Member, policy: Policy, expected: set[str]) -> None:
    wheel = wheel_of([member, library("libx.so")], T_MUSL39)
    decided = planning.plan(wheel, [target("cp39-musl")], policy)
    assert names_in_question(wheel, decided) == expected


def test_a_file_without_facts_is_not_asked_for() -> None:
    mach_o = binary("m.abi3-darwin.so")
    wheel = wheel_of([mach_o], "cp39-abi3-macosx_11_0_arm64")._replace(check_tags=False)
    decided = planning.plan(wheel, [target("cp313-darwin")], Policy())
    assert outcome(decided, mach_o) == "WF101 rename m.abi3.so"
    assert names_in_question(wheel, decided) == set()


SENTENCES = [
    ("WF101", module("p/m" + GNU39), "cp39-musl", f"renamed to m{MUSL39}"),
    ("WF102", library("p/m" + GNU39), "cp39-musl", f"also installed as m{MUSL39}"),
    (
        "WF201",
        module("m" + GNU39, "musl", AARCH64),
        "cp39-gnu",
        "it holds 64-bit little-endian AArch64 code, the target runs 64-bit little-endian x86-64",
    ),
    (
        "WF202",
        module("m" + GNU39, "glibc"),
        "cp39-gnu",
        "it is linked against glibc, the target runs on musl",
    ),
    (
        "WF203",
        module(f"m.cpython-313d-{GNU}.so", "glibc"),
        "cp314t-glibc",
        "it was built for cpython-313d, the target is cpython 3.14.0 free-threaded",
    ),
    (
        "WF204",
        module("m.abi3.so", "glibc"),
        "cp313t-glibc",
        "it is an abi3 module, the target is a free-threaded CPython 3.13.0",
    ),
    (
        "WF206",
        module("m" + MUSL39),
        "cp39-static",
        "/usr/bin/python3.9 can't load any extension module",
    ),
    (
        "WF107",
        module(f"m.cpython-39-{GNU}_failed.so"),
        "cp39-musl",
        f"'{GNU}_failed' is no platform part of any known SOABI",
    ),
    (
        "WF202",
        module("m" + GNU39, "glibc+uclibc"),
        "cp39-gnu",
        "it is linked against glibc and uclibc, the target runs on musl",
    ),
    (
        "WF106",
        module(EIGENPY, "glibc"),
        "cp39-musl",
        "only a .pth file leads to it, and it is linked against glibc, the target runs on musl",
    ),
    (
        "WF203",
        module("m" + GNU313, "glibc"),
        "cp314-debug",
        "it was built for cpython-313, the target is cpython 3.14.0 debug build",
    ),
]


@pytest.mark.parametrize(("code", "given", "on", "sentence"), SENTENCES)
def test_the_sentence_says_what_is_the_matter(
    code: str, given: Member, on: str, sentence: str
) -> None:
    plan = make_plan([given], [target(on)], T_ANY)
    finding = plan.decisions[0].findings[0]
    assert (finding.code.id, finding.subject, finding.sentence) == (code, given.path, sentence)


def test_repair_off_tells_the_name_that_is_looked_for() -> None:
    given = module(f"m.abi3-{GNU}.so", "glibc")
    plan = make_plan([given], [target("cp39-glibc")], T_ABI3_GLIBC, NO_REPAIR)
    assert "m.abi3.so" in plan.warnings[0].sentence


def test_what_the_tags_say_is_told_as_such() -> None:
    given = module("m" + GNU39, None)
    plan = make_plan([given], [target("cp39-gnu")], T_GLIBC39, check_tags=False)
    sentence = "the wheel's tags say that it needs glibc, the target runs on musl"
    assert [finding.sentence for finding in plan.refusals] == [sentence]


KEEP = Decision("k", Action.KEEP)
RENAMED = Decision("a", Action.RENAME, "b", (Finding(codes.RENAMED, "a", "renamed to b"),))
DUPLICATED = Decision("c", Action.DUPLICATE, "d")
ALLOWED = Finding(codes.WRONG_LIBC, "k", "glibc", allowed=True)
WARNING = Finding(codes.REPAIR_IS_OFF, "k", "off")
REFUSAL = Finding(codes.WRONG_MACHINE, "r", "arm")


def test_a_plan_tells_under_which_paths_a_member_is_installed() -> None:
    plan = Plan("e.whl", (KEEP, RENAMED, DUPLICATED, Decision("r", Action.REFUSE)))
    assert [plan.paths_of(path) for path in "kacrx"] == [("k",), ("b",), ("c", "d"), (), ("x",)]
    assert plan.changes == plan.decisions[1:]


def test_a_plan_sorts_its_findings() -> None:
    decisions = (
        KEEP._replace(findings=(ALLOWED, WARNING)),
        Decision("r", Action.REFUSE, findings=(REFUSAL,)),
        RENAMED,
    )
    note = Finding(codes.NEWER_WHEEL_VERSION, "e.whl", "1.9")
    plan = Plan("e.whl", decisions).with_findings((note,))
    assert plan.all_findings == (note, ALLOWED, WARNING, REFUSAL, *RENAMED.findings)
    assert plan.refusals == (REFUSAL,)
    assert plan.warnings == (note, ALLOWED, WARNING)
    assert plan.paths_of("a") == ("b",)


def test_a_plan_as_json() -> None:
    plan = Plan("e.whl", (RENAMED,), (WARNING,))
    assert plan.to_json() == {
        "wheel": "e.whl",
        "findings": [WARNING.to_json()],
        "decisions": [
            {
                "path": "a",
                "action": "rename",
                "new_path": "b",
                "findings": [RENAMED.findings[0].to_json()],
            }
        ],
    }


def test_changes_and_what_was_allowed_as_json() -> None:
    assert Plan("e.whl", (KEEP,), (WARNING,)).changes_to_json() == {}
    assert Plan("e.whl", (RENAMED, DUPLICATED), (ALLOWED,)).changes_to_json() == {
        "schema": 1,
        "changed": [
            {"action": "rename", "from": "a", "to": "b"},
            {"action": "duplicate", "from": "c", "to": "d"},
        ],
        "allowed": [{"code": "WF202", "subject": "k"}],
    }


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (None, True),
        (GNU, True),
        ("x86_64-poky-linux", True),
        ("x86_64-linux", True),  # GraalPy: no libc
        ("linux-gnu", True),  # old PyPy: no machine
        ("darwin", False),
        ("win_amd64", False),
        ("wasm32-emscripten", False),
    ],
)
def test_where_modules_are_elf_files(platform: str | None, expected: bool) -> None:  # noqa: FBT001 - a table's column
    unread = replace(target("cp39-glibc"), platform_triplet=platform, architecture=None)
    assert runs_elf(unread) is expected


@pytest.mark.parametrize(
    ("given", "on", "expected"),
    [
        ("m.so", "cp315-glibc", [f".cpython-315-{GNU}.so", ".so"]),
        ("m.so", "cp313d-glibc", [f".cpython-313d-{GNU}.so", GNU313, ".so"]),
        ("m.so", "pypy39-glibc", [PYPY39]),
        (f"m.abi3-{MUSL}.so", "cp315-glibc", [".abi3.so", f".abi3-{GNU}.so", ".so"]),
        ("m" + MUSL39, "cp39-musl-fallback", [MUSL39, GNU39, ".so"]),
        ("m" + GNU313, "cp313d-glibc", [GNU313, ".so"]),
        ("m" + GNU39, "pypy39-glibc", []),
    ],
)
def test_suffixes_under_which_the_code_loads(given: str, on: str, expected: list[str]) -> None:
    name = text(given).extension_name
    assert name is not None
    assert loadable_suffixes(name, target(on)) == expected
