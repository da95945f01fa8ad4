"""Whatever a wheel holds, an install is whole or leaves nothing, and nothing comes out but a WheelfixError."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.elf_maker import extension_module
from support.installed_maker import SITE, make_environment, make_installed
from support.mutations import TEXTS, mutated, same_examples
from support.raw_zip import RawMember, raw_zip
from support.trees import names, tree
from support.wheel_maker import make_wheel, record_hash
from wheelfix import install_wheels
from wheelfix.codes import CODES
from wheelfix.errors import WheelfixError
from wheelfix.layout import InstallOptions
from wheelfix.planning import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA, INFO = "example-1.0.data", "example-1.0.dist-info"
#: strict, and with all that a user can let through but writing over files
WAYS = [
    (Policy(), InstallOptions(bytecode_levels=())),
    (
        Policy(allow=frozenset(CODES)),
        InstallOptions(bytecode_levels=(), validate_record="none"),
    ),
]
MODULE = extension_module("m", libc="glibc")


def check(wheel: Path) -> None:
    """Install it each way into an environment that has neighbours inside and outside."""
    for policy, options in WAYS:
        with tempfile.TemporaryDirectory(dir=wheel.parent) as name:
            root = Path(name)
            target = make_environment(root / "env")
            make_installed(root / "env" / SITE, {"neighbour.py": ""}, name="neighbour")
            (root / "victim").write_bytes(b"x")
            before = tree(root)
            try:
                install_wheels([wheel], [target], policy, options)
            except WheelfixError:
                assert tree(root) == before
            else:
                after = tree(root)
                assert {path: after.get(path) for path in before} == before
                assert names(after) - names(before) == set(recorded(root / "env"))


def recorded(env: Path) -> Iterator[str]:
    """Give what the one new RECORD lists."""
    (record,) = (each for each in (env / SITE).glob("*/RECORD") if "neighbour" not in str(each))
    for path, _, _ in csv.reader(io.StringIO(record.read_bytes().decode(), newline="")):
        yield os.path.normpath(os.path.join("env", SITE, path))


def check_content(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder, name)
        wheel.write_bytes(content)
        check(wheel)


def good_wheels() -> dict[str, bytes]:
    """Give whole wheels by file name."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [
            make_wheel(
                Path(folder),
                {"pkg/__init__.py": "", f"{DATA}/scripts/run": "#!python\n"},
                entry_points="[console_scripts]\nrun2 = pkg:main\n",
            ),
            make_wheel(
                Path(folder),
                {"m.cpython-39-x86_64-linux-gnu.so": MODULE},
                tags="cp39-cp39-manylinux2014_x86_64",
            ),
        ]
        return {path.name: path.read_bytes() for path in paths}


WHEELS = good_wheels()
few_examples = settings(same_examples, max_examples=50)


@few_examples
@given(data=st.data())
def test_changed_bytes(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(WHEELS)))
    check_content(name, data.draw(mutated([WHEELS[name]])))


PARTS = (
    *("a", "b.py", "..", ".", "", "...", "c\\d", "a\n", "\x1b", "é", "e\u0301", "con", "x" * 256),
    *(".wheelfix", ".Wheelfix", "journal", "lib", "python3.9", "site-packages", "bin", "python3"),
    *(DATA, "Example-1.data", "scripts", "data", "headers", "purelib", "platlib", "pyvenv.cfg"),
    *(INFO, "neighbour-1.0.dist-info", "RECORD", "INSTALLER", "wheelfix.json", "__pycache__"),
    *("neighbour.py", "victim", "h.pth"),
)
NAMES = st.lists(st.sampled_from(PARTS), min_size=1, max_size=6).map("/".join)
SCHEME_NAMES = st.tuples(st.sampled_from(["scripts", "data", "headers", "purelib"]), NAMES).map(
    lambda parts: f"{DATA}/{parts[0]}/{parts[1]}"
)
CONTENTS = st.sampled_from([b"", b"x", b"#!python\n", MODULE])
MODES = st.sampled_from([0o100644, 0o100755, 0o120777, 0o106755, 0o010644, 0o040755])
MEMBERS = st.lists(st.tuples(st.one_of(NAMES, SCHEME_NAMES), CONTENTS, MODES), max_size=4)


def wheel_of(members: list[tuple[str, bytes, int]]) -> bytes:
    """Make a wheel with these members, listed in RECORD as they should be."""
    files = [
        *members,
        (f"{INFO}/METADATA", b"Name: example\nVersion: 1.0\n", 0o100644),
        (f"{INFO}/WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n", 0o100644),
    ]
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows((n, record_hash(c), str(len(c))) for n, c, _ in files)
    files.append((f"{INFO}/RECORD", f"{stream.getvalue()}{INFO}/RECORD,,\n".encode(), 0o100644))
    return raw_zip(
        [
            RawMember(name.encode(), content, flags=0x800, central={"attributes": mode << 16})
            for name, content, mode in files
        ]
    )


@settings(same_examples, max_examples=150)
@given(members=MEMBERS)
@example(members=[("h", b"..", 0o120777), ("h/victim", b"", 0o100644)])
@example(members=[(f"{DATA}/data/bin/python3", b"", 0o100755)])
def test_any_names(members: list[tuple[str, bytes, int]]) -> None:
    check_content("example-1.0-py3-none-any.whl", wheel_of(members))


@few_examples
@given(name=st.sampled_from(["RECORD", "entry_points.txt", "WHEEL", "METADATA"]), content=TEXTS)
def test_any_text(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if name == "RECORD":
            check(make_wheel(Path(folder), {"pkg/__init__.py": ""}, record=content))
        else:
            files = {"pkg/__init__.py": b"", f"{INFO}/{name}": content}
            check(make_wheel(Path(folder), files))


@few_examples
@given(
    name=st.one_of(st.text(max_size=8), st.lists(st.sampled_from(PARTS), max_size=3).map("/".join))
)
def test_any_entry_point(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = f"[console_scripts]\n{name} = pkg:main\n".encode("utf-8", "surrogatepass")
        check(make_wheel(Path(folder), {"pkg.py": b"", f"{INFO}/entry_points.txt": text}))


@few_examples
@given(module=mutated([MODULE]))
def test_a_changed_module(module: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = {"m.cpython-39-x86_64-linux-gnu.so": module}
        check(make_wheel(Path(folder), files, tags="cp39-cp39-manylinux2014_x86_64"))
