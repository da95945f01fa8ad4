"""The bytes of a new wheel depend on the members of the old one, and on nothing else."""

from __future__ import annotations

import itertools
import json
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest

from support.elf_maker import extension_module, shared_object
from support.target_maker import make_target
from support.wheel_maker import make_wheel
from wheelfix.planning import Policy
from wheelfix.rewriting import repair_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping

TAGS = "cp39-cp39-musllinux_1_1_x86_64"
GNU_NAME = "pkg/mod.cpython-39-x86_64-linux-gnu.so"
NAMES = ("cp39-gnu", "cp39-musl", "cp39-musl-fallback")
FILES: Mapping[str, bytes | str] = {
    "pkg/__init__.py": "x = 1\n" * 1000,
    "pkg/mödul.py": "",
    GNU_NAME: extension_module("mod", libc="musl"),
}
TPOFF64 = 18
EXTRA_TIME = struct.pack("<HHBI", 0x5455, 5, 1, 0)

_REPAIR = """
import sys
old, folder, names, *sys.path = sys.argv[1:]
from support.target_maker import make_target
from wheelfix.rewriting import repair_wheel
repair_wheel(old, folder, [make_target(name, executable=None) for name in names.split()])
"""


@pytest.fixture(autouse=True)
def _no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def repaired(old: Path, folder: Path) -> bytes:
    targets = [make_target(name, executable=None) for name in NAMES]
    return Path(repair_wheel(old, folder, targets).path).read_bytes()


@pytest.mark.parametrize(
    "environment",
    [
        {"TZ": "Asia/Kathmandu"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONHASHSEED": "1"},
        {"PYTHONHASHSEED": "2", "PYTHONOPTIMIZE": "2"},
    ],
)
def test_the_same_whatever_the_environment(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_wheel(tmp_path, FILES, tags=TAGS)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-c", _REPAIR, str(old), str(tmp_path / "there"), " ".join(NAMES)]
    subprocess.run([*command, *sys.path], check=True)
    assert (tmp_path / "there" / old.name).read_bytes() == repaired(old, tmp_path / "here")


class _Unseekable:
    """A stream like standard output: behind each member a data descriptor tells its size (APPNOTE.TXT 4.3.9)."""

    def __init__(self, stream: BinaryIO) -> None:
        self.write, self.flush = stream.write, stream.flush


@pytest.mark.parametrize("form", ["data descriptors", "zip64", "extra fields", "comment"])
def test_the_same_whatever_the_frame(form: str, tmp_path: Path) -> None:
    old = make_wheel(tmp_path, FILES, tags=TAGS)
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / old.name
    with zipfile.ZipFile(old) as archive, open(other, "wb") as stream:
        file = _Unseekable(stream) if form == "data descriptors" else stream
        with zipfile.ZipFile(file, "w") as written:  # type: ignore[call-overload]
            for member in archive.infolist():
                info = zipfile.ZipInfo(member.filename, (2021, 5, 6, 7, 8, 10))
                info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o100600 << 16
                info.extra = EXTRA_TIME if form == "extra fields" else b""
                with written.open(info, "w", force_zip64=form == "zip64") as content:
                    content.write(archive.read(member))
            written.comment = b"a comment" if form == "comment" else b""
    assert other.read_bytes() != old.read_bytes()
    assert repaired(other, tmp_path / "there") == repaired(old, tmp_path / "here")


def test_the_same_whatever_the_order_of_the_targets(tmp_path: Path) -> None:
    # what one loader refuses and another doesn't comes in the order of the targets
    def initial_exec(stem: str, libc: str) -> bytes:
        return shared_object(
            needed=[libc],
            symbols=[f"PyInit_{stem}", "errors"],
            thread_local=True,
            relocations=[(TPOFF64, "errors")],
        )

    files = {
        f"pkg/{stem}.cpython-39-x86_64-linux-gnu.so": initial_exec(stem, libc)
        for stem, libc in [("b", "libc.so.6"), ("a", "libc.musl-x86_64.so.1")]
    }
    old = make_wheel(tmp_path, files, tags="cp39-cp39-linux_x86_64")
    policy = Policy(allow=frozenset({"WF202", "WF305", "WF503"}))
    targets = [make_target(name, executable=None) for name in (*NAMES, "cp39-glibc")]
    made = {
        Path(
            repair_wheel(old, tmp_path / str(number), order, policy).path,
        ).read_bytes()
        for number, order in enumerate(itertools.permutations(targets))
    }
    assert len(made) == 1


def test_what_is_allowed_for_several_targets_is_told_once(tmp_path: Path) -> None:
    old = make_wheel(tmp_path, {"a.py": ""}, tags="cp39-cp39-linux_x86_64")
    targets = [make_target(name, executable=None) for name in ("cp311-gnu", "cp313-musl")]
    made = repair_wheel(old, tmp_path / "new", targets, Policy(allow=frozenset({"WF503"})))
    assert len({finding.sentence for finding in made.plan.all_findings}) == 2
    with zipfile.ZipFile(made.path) as archive:
        told = json.loads(archive.read("example-1.0.dist-info/wheelfix-repair.json"))
    assert told["allowed"] == [{"code": "WF503", "subject": old.name}]


def test_what_is_allowed_is_told_of_the_new_names(tmp_path: Path) -> None:
    # a target that neither the old tags nor the new ones are for
    files = {GNU_NAME.replace("39", "38"): extension_module("mod", libc="glibc")}
    old = make_wheel(tmp_path, files, tags="cp310-abi3-linux_x86_64")
    targets = [make_target("cp39-musl", executable=None)]
    policy = Policy(allow=frozenset({"WF202", "WF203", "WF204", "WF205", "WF206", "WF503"}))
    made = repair_wheel(old, tmp_path / "new", targets, policy)
    name = "example-1.0-cp38-cp38-linux_x86_64.whl"
    with zipfile.ZipFile(made.path) as archive:
        told = json.loads(archive.read("example-1.0.dist-info/wheelfix-repair.json"))
    assert {"code": "WF503", "subject": name} in told["allowed"]


def test_the_same_whatever_the_mode_that_files_get(tmp_path: Path) -> None:
    old = make_wheel(tmp_path, FILES, tags=TAGS)
    before = os.umask(0o077)
    try:
        private = repaired(old, tmp_path / "private")
        assert (tmp_path / "private" / old.name).stat().st_mode & 0o777 == 0o600
        os.umask(0o002)
        assert repaired(old, tmp_path / "shared") == private
        assert (tmp_path / "shared" / old.name).stat().st_mode & 0o777 == 0o664
    finally:
        os.umask(before)
