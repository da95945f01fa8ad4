"""New wheel files: what is in them, byte by byte, and what is left where one can't be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from installer.sources import WheelFile

from support.elf_maker import extension_module, shared_object
from support.root_maker import RootMaker
from support.target_maker import make_target
from support.wheel_maker import make_wheel, record_hash, symbolic_link
from wheelfix.archive import WheelArchive
from wheelfix.checking import System
from wheelfix.errors import EnvironmentRefusedError, InvalidWheelError, WheelRefusedError
from wheelfix.planning import Policy, Repair
from wheelfix.rewriting import repair_wheel, repair_wheels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wheelfix.rewriting import RepairedWheel
    from wheelfix.targets import Target

TAGS = "cp39-cp39-musllinux_1_1_x86_64"
GNU_NAME, MUSL_NAME = (f"pkg/mod.cpython-39-x86_64-linux-{libc}.so" for libc in ("gnu", "musl"))
MODULE = extension_module("mod", libc="musl")
INFO = "example-1.0.dist-info"
TPOFF64 = 18
INITIAL_EXEC = shared_object(
    needed=["libc.musl-x86_64.so.1"],
    symbols=["PyInit_mod", "errors"],
    thread_local=True,
    relocations=[(TPOFF64, "errors")],
)
NEEDS_BACKTRACE = shared_object(
    needed=["libc.musl-x86_64.so.1"],
    symbols=["PyInit_mod"],
    undefined=["backtrace"],
    relocations=[(6, "backtrace")],
)
NEEDS_FOO = shared_object(
    needed=["libfoo-12345678.so.1", "libc.musl-x86_64.so.1"],
    symbols=["PyInit_mod"],
    runpath="$ORIGIN/../foo.libs",
)

# Once as the same user, which imports all that another one might not be allowed to read, then as that one.
_AGAIN = """
import os, sys
old, folder, names, *sys.path = sys.argv[1:]
from support.target_maker import make_target
from wheelfix.rewriting import repair_wheel
targets = [make_target(name, executable=None) for name in names.split()]
repair_wheel(old, f"{folder}/same-user", targets)
os.umask(0o077)
if os.getuid() == 0:
    os.setuid(65534)
repair_wheel(old, f"{folder}/deep/new", targets)
"""


@pytest.fixture(autouse=True)
def _no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def targets_of(*names: str) -> list[Target]:
    return [make_target(name, executable=None) for name in names]


MUSL = targets_of("cp39-musl")
BOTH = targets_of("cp39-gnu", "cp39-musl", "cp39-musl-fallback")


def wheel_of(folder: Path, files: Mapping[str, bytes | str] | None = None, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    changes = {"tags": TAGS, "root_is_purelib": False, **changes}
    return make_wheel(folder, files or {"pkg/__init__.py": "", GNU_NAME: MODULE}, **changes)


def contents(wheel: Path | str) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def ids(findings: Any) -> list[str]:
    return [finding.code.id for finding in findings]


def all_ids(repaired: RepairedWheel) -> list[str]:
    return ids([*repaired.plan.all_findings, *repaired.notes])


def sound(repaired: RepairedWheel, targets: list[Target] = MUSL) -> None:
    """Hold the new wheel against what installer and wheelfix check, and against a second repair."""
    with WheelFile.open(Path(repaired.path)) as source:
        source.validate_record()
    with WheelArchive.open(repaired.path) as archive:
        archive.validate_record()
        assert ids(archive.findings) in ([], ["WF428"])
    again = repair_wheel(repaired.path, f"{repaired.path}-again", targets)
    assert again.is_same
    assert again.notes == ()
    assert again.plan.changes == ()


class TestNames:
    def test_renamed_for_one_target(self, tmp_path: Path) -> None:
        old = wheel_of(tmp_path)
        before = old.read_bytes()
        repaired = repair_wheel(old, tmp_path / "new", MUSL)
        assert repaired.path == str(tmp_path / "new" / old.name)
        assert repaired.source == str(old)
        assert not repaired.is_same
        assert all_ids(repaired) == ["WF101"]
        assert [*contents(repaired.path)] == [
            "pkg/__init__.py",
            MUSL_NAME,
            f"{INFO}/METADATA",
            f"{INFO}/WHEEL",
            f"{INFO}/wheelfix-repair.json",
            f"{INFO}/RECORD",
        ]
        assert contents(repaired.path)[MUSL_NAME] == MODULE
        assert old.read_bytes() == before
        assert os.listdir(tmp_path / "new") == [old.name]
        sound(repaired)

    def test_bare_where_one_file_must_serve_all(self, tmp_path: Path) -> None:
        repaired = repair_wheel(wheel_of(tmp_path), tmp_path / "new", BOTH)
        assert "pkg/mod.so" in contents(repaired.path)
        sound(repaired, BOTH)

    def test_duplicated(self, tmp_path: Path) -> None:
        policy = Policy(Repair.DUPLICATE)
        repaired = repair_wheel(wheel_of(tmp_path), tmp_path / "new", MUSL, policy)
        found = contents(repaired.path)
        assert found[GNU_NAME] == found[MUSL_NAME] == MODULE
        assert all_ids(repaired) == ["WF102"]
        rows = found[f"{INFO}/RECORD"].decode().splitlines()
        assert {
            f"{name},{record_hash(MODULE)},{len(MODULE)}" for name in (GNU_NAME, MUSL_NAME)
        } <= {*rows}
        sound(repaired)

    def test_what_is_told_of_the_repair(self, tmp_path: Path) -> None:
        repaired = repair_wheel(wheel_of(tmp_path), tmp_path / "new", MUSL)
        told = json.loads(contents(repaired.path)[f"{INFO}/wheelfix-repair.json"])
        changed = [{"action": "rename", "from": GNU_NAME, "to": MUSL_NAME}]
        assert told == {"schema": 1, "changed": changed, "allowed": []}

    def test_a_second_repair_adds_to_it(self, tmp_path: Path) -> None:
        first = repair_wheel(wheel_of(tmp_path), tmp_path / "new", MUSL)
        second = repair_wheel(first.path, tmp_path / "both", BOTH)
        told = json.loads(contents(second.path)[f"{INFO}/wheelfix-repair.json"])
        assert [each["to"] for each in told["changed"]] == [MUSL_NAME, "pkg/mod.so"]
        sound(second, BOTH)

    def test_nothing_is_told_where_every_name_stays(self, tmp_path: Path) -> None:
        repaired = repair_wheel(wheel_of(tmp_path), tmp_path / "new", targets_of("cp39-gnu"))
        assert f"{INFO}/wheelfix-repair.json" not in contents(repaired.path)
        assert all_ids(repaired) == ["WF608"]

    def test_what_an_installer_would_write_or_not_take_is_left_out(self, tmp_path: Path) -> None:
        files = {
            "a.py": "",
            "__pycache__/a.cpython-39.pyc": "x",
            f"{INFO}/INSTALLER": "pip",
            f"{INFO}/wheelfix.json": "{}",
        }
        repaired = repair_wheel(wheel_of(tmp_path, files), tmp_path / "new", MUSL)
        assert all_ids(repaired) == ["WF411", "WF412", "WF412"]
        assert not {*files} & {*contents(repaired.path)} - {"a.py"}
        sound(repaired)


class TestArchive:
    def test_members_that_do_not_change_keep_their_compressed_bytes(self, tmp_path: Path) -> None:
        extra = [(_info("b.py", zipfile.ZIP_STORED), b"y = 2\n" * 1000)]
        old = wheel_of(
            tmp_path,
            {"a.py": "x = 1\n" * 1000, GNU_NAME: MODULE},
            extra_members=extra,
            list_extra_members=True,
        )
        new = repair_wheel(old, tmp_path / "new", MUSL).path
        assert raw(old)["a.py"] == raw(new)["a.py"]
        assert raw(old)["b.py"] == raw(new)["b.py"]
        assert raw(old)[GNU_NAME] == raw(new)[MUSL_NAME]

    def test_form(self, tmp_path: Path) -> None:
        files: dict[str, bytes | str] = {
            "zz.py": "",
            "run.sh": "#!/bin/sh\n",
            GNU_NAME: MODULE,
            "example-1.0.data/scripts/run": "#!python\n",
        }
        folder = zipfile.ZipInfo("pkg/")
        old = wheel_of(
            tmp_path, files, executable=["run.sh"], extra_members=[(folder, b"")], version="1.0"
        )
        new = repair_wheel(old, tmp_path / "new", MUSL).path
        with zipfile.ZipFile(new) as archive:
            assert archive.comment == b""
            for info in archive.infolist():
                mode = 0o100755 if info.filename in {"run.sh", [*files][3]} else 0o100644
                assert info.external_attr == mode << 16
                assert info.date_time == (1980, 1, 1, 0, 0, 0)
                assert (info.create_system, info.create_version, info.extract_version) == (
                    3,
                    20,
                    20,
                )
                assert (info.extra, info.comment, info.flag_bits) == (b"", b"", 0)
                assert (info.internal_attr, info.volume) == (0, 0)
            assert archive.namelist() == [
                "example-1.0.data/scripts/run",
                MUSL_NAME,
                "run.sh",
                "zz.py",
                *(f"{INFO}/{name}" for name in ("METADATA", "WHEEL", "wheelfix-repair.json")),
                f"{INFO}/RECORD",
            ]

    def test_time(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        repaired = repair_wheel(wheel_of(tmp_path), tmp_path / "new", MUSL)
        with zipfile.ZipFile(repaired.path) as archive:
            times = {info.date_time for info in archive.infolist()}
        assert times == {(2023, 11, 14, 22, 13, 20)}
        sound(repaired)

    def test_a_bad_time_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
        with pytest.raises(EnvironmentRefusedError, match="WF603"):
            repair_wheel(wheel_of(tmp_path), tmp_path / "new", MUSL)
        assert not (tmp_path / "new").exists()

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_what_few_installers_read_is_compressed_anew(self, method: int, tmp_path: Path) -> None:
        extra = [(_info("a.txt", method), b"text " * 1000)]
        old = wheel_of(tmp_path, extra_members=extra, list_extra_members=True)
        repaired = repair_wheel(old, tmp_path / "new", MUSL)
        with zipfile.ZipFile(repaired.path) as archive:
            info = archive.getinfo("a.txt")
            assert (info.compress_type, info.flag_bits) == (zipfile.ZIP_DEFLATED, 0)
        assert contents(repaired.path)["a.txt"] == b"text " * 1000
        sound(repaired)

    def test_a_name_that_is_not_ascii(self, tmp_path: Path) -> None:
        old = wheel_of(tmp_path, {"pkg/mödul,1.py": "", GNU_NAME: MODULE})
        repaired = repair_wheel(old, tmp_path / "new", MUSL)
        assert "pkg/mödul,1.py" in contents(repaired.path)
        sound(repaired)

    def test_a_signature_is_left_out_and_noted(self, tmp_path: Path) -> None:
        extra = [(f"{INFO}/RECORD.jws", b"{}"), (f"{INFO}/RECORD.p7s", b"x")]
        repaired = repair_wheel(wheel_of(tmp_path, extra_members=extra), tmp_path / "new", MUSL)
        assert all_ids(repaired) == ["WF101", "WF604", "WF604"]
        assert not [name for name in contents(repaired.path) if "RECORD." in name]
        sound(repaired)

    def test_a_link_is_refused(self, tmp_path: Path) -> None:
        extra = [symbolic_link("pkg/link", "/etc/passwd")]
        old = wheel_of(tmp_path, extra_members=extra, list_extra_members=True)
        with pytest.raises(WheelRefusedError, match="WF607"):
            repair_wheel(old, tmp_path / "new", MUSL)

    def test_data_folder_of_another_spelling(self, tmp_path: Path) -> None:
        files: dict[str, bytes | str] = {GNU_NAME: MODULE, "Example-1.0.data/scripts/run": "#!/x\n"}
        repaired = repair_wheel(wheel_of(tmp_path, files), tmp_path / "new", MUSL)
        assert "example-1.0.data/scripts/run" in contents(repaired.path)
        sound(repaired)

    def test_record_of_another_hash(self, tmp_path: Path) -> None:
        old = wheel_of(tmp_path, hash_algorithm="sha512")
        repaired = repair_wheel(old, tmp_path / "new", MUSL)
        assert b"sha512" not in contents(repaired.path)[f"{INFO}/RECORD"]
        sound(repaired)

    def test_large_members_are_copied_piece_by_piece(self, tmp_path: Path) -> None:
        noise = os.urandom(2_500_000)
        repaired = repair_wheel(
            wheel_of(tmp_path, {"noise.bin": noise, GNU_NAME: MODULE}), tmp_path / "new", MUSL
        )
        assert contents(repaired.path)["noise.bin"] == noise
        sound(repaired)


def _info(name: str, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.compress_type = method
    info.external_attr = 0o100644 << 16
    return info


def raw(wheel: Path | str) -> dict[str, tuple[int, bytes]]:
    """Give method and compressed bytes of each member."""
    with WheelArchive.open(wheel) as archive:
        packed = {path: archive.packed_member(path) for path in archive.paths}
        return {
            path: (each.method, each.read(each.data_offset, each.compressed_size))
            for path, each in packed.items()
        }


class TestTags:
    def test_wheel_file_is_made_to_agree(self, tmp_path: Path) -> None:
        fields = {"Tag": "cp39-cp39-linux_x86_64"}
        repaired = repair_wheel(wheel_of(tmp_path, wheel_fields=fields), tmp_path / "new", MUSL)
        assert all_ids(repaired) == ["WF101", "WF606"]
        assert b"Tag: cp39-cp39-musllinux_1_1_x86_64\n" in contents(repaired.path)[f"{INFO}/WHEEL"]
        sound(repaired)

    def test_no_wider_promise_than_the_modules_keep(self, tmp_path: Path) -> None:
        old = wheel_of(tmp_path, tags="cp38-abi3-musllinux_1_1_x86_64")
        repaired = repair_wheel(old, tmp_path / "new", BOTH)
        assert os.path.basename(repaired.path) == f"example-1.0-{TAGS}.whl"
        assert all_ids(repaired) == ["WF101", "WF605"]
        found = contents(repaired.path)
        assert b"\nTag: cp39-cp39-musllinux_1_1_x86_64\n" in found[f"{INFO}/WHEEL"]
        assert b"abi3" not in found[f"{INFO}/WHEEL"]
        sound(repaired, BOTH)


class TestRefused:
    def test_what_no_target_loads(self, tmp_path: Path) -> None:
        old = wheel_of(tmp_path, {GNU_NAME: extension_module("mod", libc="glibc")})
        with pytest.raises(WheelRefusedError, match="WF202"):
            repair_wheel(old, tmp_path / "new", MUSL)
        assert not (tmp_path / "new").exists()

    def test_initial_exec_tls(self, tmp_path: Path) -> None:
        old = wheel_of(tmp_path, {GNU_NAME: INITIAL_EXEC})
        with pytest.raises(WheelRefusedError, match="WF305"):
            repair_wheel(old, tmp_path / "new", MUSL)

    def test_initial_exec_tls_is_let_through_and_told(self, tmp_path: Path) -> None:
        policy = Policy(allow=frozenset({"WF305"}))
        old = wheel_of(tmp_path, {GNU_NAME: INITIAL_EXEC})
        repaired = repair_wheel(old, tmp_path / "new", MUSL, policy)
        told = json.loads(contents(repaired.path)[f"{INFO}/wheelfix-repair.json"])
        assert told["allowed"] == [{"code": "WF305", "subject": MUSL_NAME}]
        again = repair_wheel(repaired.path, tmp_path / "again", MUSL, policy)
        assert again.is_same

    def test_what_may_come_right_is_a_warning(self, tmp_path: Path) -> None:
        old = wheel_of(tmp_path, {GNU_NAME: NEEDS_BACKTRACE})
        repaired = repair_wheel(old, tmp_path / "new", MUSL)
        assert all_ids(repaired) == ["WF321", "WF101"]

    def test_content_that_is_not_the_one_of_record(self, tmp_path: Path) -> None:
        rows = {"pkg/__init__.py": (record_hash(b"x"), "0")}
        old = wheel_of(tmp_path, record_rows=rows)
        with pytest.raises(InvalidWheelError, match="WF407"):
            repair_wheel(old, tmp_path / "new", MUSL)
        policy = Policy(allow=frozenset({"WF407"}))
        repaired = repair_wheel(old, tmp_path / "new", MUSL, policy)
        assert ids(repaired.plan.warnings) == ["WF407"]
        sound(repaired)

    def test_what_is_allowed_of_the_archive(self, tmp_path: Path) -> None:
        script = "example-1.0.data/scripts/python"
        files: dict[str, bytes | str] = {GNU_NAME: MODULE, script: "#!/bin/sh\n"}
        old = wheel_of(tmp_path, files)
        with pytest.raises(InvalidWheelError, match="WF424"):
            repair_wheel(old, tmp_path / "new", MUSL)
        policy = Policy(allow=frozenset({"WF424"}))
        repaired = repair_wheel(old, tmp_path / "new", MUSL, policy)
        assert ids(repaired.plan.warnings) == ["WF424"]
        assert repair_wheel(repaired.path, tmp_path / "again", MUSL, policy).is_same

    def test_every_wheel_of_the_call_or_none(self, tmp_path: Path) -> None:
        good = wheel_of(tmp_path / "a")
        bad = wheel_of(tmp_path / "b", {GNU_NAME: INITIAL_EXEC}, name="bad")
        broken = tmp_path / "broken-1.0-py3-none-any.whl"
        broken.write_bytes(b"no zip")
        with pytest.raises(WheelRefusedError) as refused:
            repair_wheels([good, bad, broken], tmp_path / "new", MUSL)
        assert ids(refused.value.findings) == ["WF305", "WF401"]
        assert not (tmp_path / "new").exists()

    def test_no_target(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="for none"):
            repair_wheel(wheel_of(tmp_path), tmp_path / "new", [])

    def test_a_name_that_the_wheel_library_does_not_take(self, tmp_path: Path) -> None:
        old = wheel_of(tmp_path, name="ex ample")
        with pytest.raises(InvalidWheelError, match="WF402"):
            repair_wheel(old, tmp_path / "new", MUSL)
        assert not (tmp_path / "new").exists()


class TestPlace:
    def test_folders_are_made(self, tmp_path: Path) -> None:
        repaired = repair_wheel(wheel_of(tmp_path), tmp_path / "a" / "b" / "c", MUSL)
        assert os.path.isfile(repaired.path)

    def test_a_relative_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        old = wheel_of(tmp_path)
        monkeypatch.chdir(tmp_path)
        assert repair_wheel(old.name, "new", MUSL).path == os.path.join("new", old.name)
        assert (tmp_path / "new" / old.name).is_file()

    def test_another_file_is_replaced(self, tmp_path: Path) -> None:
        old = wheel_of(tmp_path / "old")
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / old.name).write_text("another")
        sound(repair_wheel(old, tmp_path / "new", MUSL))

    @pytest.mark.parametrize("how", ["folder", "link", "hard link", "linked folder"])
    def test_never_in_place(self, how: str, tmp_path: Path) -> None:
        old = wheel_of(tmp_path / "old")
        before = old.read_bytes()
        new = tmp_path / "new"
        if how == "folder":
            new = tmp_path / "old"
        elif how == "linked folder":
            new.symlink_to(tmp_path / "old")
        else:
            new.mkdir()
            link = os.link if how == "hard link" else os.symlink
            link(old, new / old.name)
        with pytest.raises(EnvironmentRefusedError, match="WF601"):
            repair_wheel(old, new, MUSL)
        assert old.read_bytes() == before
        assert os.listdir(tmp_path / "old") == [old.name]

    def test_nor_beside_the_old_one_under_another_name(self, tmp_path: Path) -> None:
        old = wheel_of(tmp_path, tags="cp38-abi3-musllinux_1_1_x86_64")
        with pytest.raises(EnvironmentRefusedError, match="lies in the same folder"):
            repair_wheel(old, tmp_path, MUSL)

    def test_two_wheels_of_one_name(self, tmp_path: Path) -> None:
        both = [wheel_of(tmp_path / "a"), wheel_of(tmp_path / "b")]
        with pytest.raises(EnvironmentRefusedError, match="WF602"):
            repair_wheels(both, tmp_path / "new", MUSL)
        assert not (tmp_path / "new").exists()

    def test_a_file_where_the_folder_should_be(self, tmp_path: Path) -> None:
        (tmp_path / "new").write_text("")
        with pytest.raises(EnvironmentRefusedError, match="WF506"):
            repair_wheel(wheel_of(tmp_path), tmp_path / "new" / "more", MUSL)

    def test_a_folder_where_the_file_should_be(self, tmp_path: Path) -> None:
        old = wheel_of(tmp_path / "old")
        (tmp_path / "new" / old.name).mkdir(parents=True)
        with pytest.raises(EnvironmentRefusedError, match="it is a folder"):
            repair_wheel(old, tmp_path / "new", MUSL)

    def test_nothing_is_left_after_a_failure(self, tmp_path: Path) -> None:
        noise = os.urandom(100_000)
        old = wheel_of(tmp_path, {"noise.bin": noise, GNU_NAME: MODULE})
        code = (
            "import resource, signal, sys\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
            "sys.path[:] = sys.argv[3:]\n"
            "from support.target_maker import make_target\n"
            "from wheelfix.errors import EnvironmentRefusedError\n"
            "from wheelfix.rewriting import repair_wheel\n"
            "try:\n"
            "    repair_wheel(sys.argv[1], sys.argv[2], [make_target(executable=None)])\n"
            "except EnvironmentRefusedError as error:\n"
            "    print(error)\n"
        )
        run = _python(code, old, tmp_path / "new" / "deep")
        assert "WF506" in run
        assert "File too large" in run
        assert not (tmp_path / "new").exists()

    def test_a_dry_run_writes_nothing(self, tmp_path: Path) -> None:
        repaired = repair_wheel(wheel_of(tmp_path / "old"), tmp_path / "new", MUSL, dry_run=True)
        assert not repaired.is_same
        assert os.listdir(tmp_path) == ["old"]


def _python(code: str, *arguments: Any) -> str:
    command = [sys.executable, "-c", code, *map(str, arguments), *sys.path]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_two_users_two_folders_two_umasks_the_same_bytes(tmp_path: Path) -> None:
    old = wheel_of(tmp_path, executable=[GNU_NAME])
    repaired = repair_wheel(old, tmp_path / "new", BOTH)
    # pytest's folders are nobody else's
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        copy = Path(folder, old.name)
        copy.write_bytes(old.read_bytes())
        copy.chmod(0o644)
        _python(_AGAIN, copy, folder, "cp39-gnu cp39-musl cp39-musl-fallback")
        made = [Path(folder, each, old.name).read_bytes() for each in ("same-user", "deep/new")]
    assert made == [Path(repaired.path).read_bytes()] * 2


def test_two_builds_of_one_content_become_the_same(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {"pkg/__init__.py": "", GNU_NAME: MODULE, "pkg/a.txt": "a"}
    one = wheel_of(tmp_path / "one", files)
    other = wheel_of(
        tmp_path / "other",
        dict(reversed(files.items())),
        executable=[],
        extra_members=[(zipfile.ZipInfo("pkg/", (2020, 1, 1, 0, 0, 0)), b"")],
    )
    assert one.read_bytes() != other.read_bytes()
    first, second = (
        repair_wheel(each, tmp_path / f"new-{each.parent.name}", MUSL) for each in (one, other)
    )
    assert Path(first.path).read_bytes() == Path(second.path).read_bytes()


def test_systems_tell_where_libraries_are(tmp_path: Path) -> None:
    root = RootMaker(tmp_path / "root").make()
    loader = shared_object(symbols=["malloc", "PyModule_Create2"]) + b"\0001.2.5\0"
    root.write("/lib/ld-musl-x86_64.so.1", loader)
    old = wheel_of(tmp_path, {GNU_NAME: NEEDS_FOO})
    assert all_ids(repair_wheel(old, tmp_path / "new", MUSL)) == ["WF101"]
    system = System(MUSL[0], root=str(root.folder), executable=root.executable)
    repaired = repair_wheel(old, tmp_path / "new", MUSL, systems=[system])
    assert all_ids(repaired) == ["WF321", "WF101"]
