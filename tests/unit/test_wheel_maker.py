"""What wheel_maker makes is what installer reads, and is wrong only where it is asked to be."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from installer.sources import WheelFile

from support.wheel_maker import make_wheel, record_hash, symbolic_link

if TYPE_CHECKING:
    from pathlib import Path

INFO = "example-1.0.dist-info"


def test_right_by_default(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path,
        {"example.py": "", "example-1.0.data/scripts/run": "#!python\n"},
        build="2",
        tags="cp39.cp310-abi3-musllinux_1_2_x86_64",
        entry_points="[console_scripts]\nexample = example:main\n",
        executable=["example-1.0.data/scripts/run"],
    )
    assert path.name == "example-1.0-2-cp39.cp310-abi3-musllinux_1_2_x86_64.whl"
    with WheelFile.open(path) as source:
        source.validate_record(validate_contents=True)
        executable = {row[0]: is_executable for row, _, is_executable in source.get_contents()}
        wheel = source.read_dist_info("WHEEL")
    assert executable["example-1.0.data/scripts/run"]
    assert not executable["example.py"]
    assert "Root-Is-Purelib: false\n" in wheel
    assert "Tag: cp310-abi3-musllinux_1_2_x86_64\n" in wheel
    assert "Build: 2\n" in wheel


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    first = make_wheel(tmp_path, {"example.py": ""}).read_bytes()
    assert make_wheel(tmp_path, {"example.py": ""}).read_bytes() == first


def test_wrong_where_asked(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path,
        {"a.py": "a", "b.py": "b"},
        wheel_fields={"Wheel-Version": "9.0", "Generator": None},
        metadata="Summary: odd\n",
        hash_algorithm="sha512",
        record_rows={"a.py": ("sha256=wrong", "7"), "b.py": None, "c.py": ("", "")},
        record_newline="\r\n",
        extra_members=[("../out.py", b""), symbolic_link("link", "a.py")],
    )
    with zipfile.ZipFile(path) as archive:
        record = archive.read(f"{INFO}/RECORD").decode().split("\r\n")
        assert archive.namelist()[-3:] == ["../out.py", "link", f"{INFO}/RECORD"]
        assert archive.getinfo("link").external_attr >> 16 == 0o120777
        wheel = archive.read(f"{INFO}/WHEEL")
        metadata = archive.read(f"{INFO}/METADATA")
    assert record[0] == "a.py,sha256=wrong,7"
    assert record[1] == f"{INFO}/METADATA,{record_hash(metadata, 'sha512')},{len(metadata)}"
    assert not [row for row in record if row.startswith("b.py")]
    assert "c.py,," in record
    assert wheel.startswith(b"Wheel-Version: 9.0\nRoot-Is-Purelib: true\n")
    assert metadata.endswith(b"Summary: odd\n")


@pytest.mark.parametrize("missing", ["WHEEL", "METADATA", "RECORD"])
def test_metadata_files_can_be_left_out(tmp_path: Path, missing: str) -> None:
    path = make_wheel(tmp_path, {"a.py": ""}, without=[missing], record="anything")
    with zipfile.ZipFile(path) as archive:
        assert f"{INFO}/{missing}" not in archive.namelist()
        assert len(archive.namelist()) == 3
