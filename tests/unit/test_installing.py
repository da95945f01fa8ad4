from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import installer
import pytest
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile

import wheelfix
from support.elf_maker import AARCH64, extension_module
from support.target_maker import make_target
from support.trees import names, tree
from support.wheel_maker import make_wheel, record_hash
from support.zip_damage import change_member
from wheelfix.errors import (
    EnvironmentRefusedError,
    FileExistsRefusedError,
    InvalidWheelError,
    WheelfixError,
    WheelRefusedError,
)
from wheelfix.installing import install, install_wheels, plan_wheel
from wheelfix.layout import InstallOptions
from wheelfix.planning import Policy, Repair
from wheelfix.targets.running import running_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GNU, MUSL = "cpython-39-x86_64-linux-gnu", "cpython-39-x86_64-linux-musl"
TAGS = "cp39-cp39-musllinux_1_1_x86_64"
#: into tmp_path/lib, without bytecode
LIB = "lib"


def options_in(folder: Path, **changes: Any) -> InstallOptions:
    """Everything below one folder, with no interpreter needed, whoever owns this machine's."""
    defaults = {
        "flat_folder": str(folder / LIB),
        "bytecode_levels": (),
        "outside_environment": True,
    }
    return InstallOptions(**{**defaults, **changes})


def mislabelled_wheel(folder: Path, **changes: Any) -> Path:
    """Make a wheel for musl whose module says gnu."""
    files: dict[str, bytes | str] = {
        "pkg/__init__.py": "",
        f"pkg/fast.{GNU}.so": extension_module("fast", libc="musl"),
    }
    return make_wheel(folder, {**files, **changes.pop("files", {})}, tags=TAGS, **changes)


def foreign_wheel(folder: Path) -> Path:
    """Make a wheel for another machine."""
    return make_wheel(
        folder,
        {"bad.cpython-39-aarch64-linux-musl.so": extension_module("bad", AARCH64, libc="musl")},
        name="foreign",
        tags=TAGS,
    )


def damage(wheel: Path, member: str) -> None:
    """Let the archive say that a member has other content than it has, everywhere the same."""
    change_member(wheel, member, 16, "I", 0)


def wheel_of(folder: Path, name: str, *files: str, content: str = "new\n") -> Path:
    return make_wheel(folder, dict.fromkeys(files, content), name=name)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


# what is done


def test_a_module_is_renamed_and_it_is_told(tmp_path: Path, wheels: Path) -> None:
    wheel = mislabelled_wheel(wheels)
    (done,) = install_wheels([wheel], [make_target("cp39-musl")], None, options_in(tmp_path))
    new = f"pkg/fast.{MUSL}.so"
    assert names(tree(tmp_path / LIB)) == {
        "pkg/__init__.py",
        new,
        *(f"example-1.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")),
        *(f"example-1.0.dist-info/{name}" for name in ("INSTALLER", "wheelfix.json")),
    }
    content = (tmp_path / LIB / new).read_bytes()
    assert content == extension_module("fast", libc="musl")
    record = (tmp_path / LIB / "example-1.0.dist-info/RECORD").read_text().splitlines()
    assert f"{new},{record_hash(content)},{len(content)}" in record
    assert not any(GNU in row for row in record)
    assert (tmp_path / LIB / "example-1.0.dist-info/INSTALLER").read_bytes() == b"wheelfix\n"
    assert json.loads((tmp_path / LIB / "example-1.0.dist-info/wheelfix.json").read_bytes()) == {
        "schema": 1,
        "changed": [{"action": "rename", "from": f"pkg/fast.{GNU}.so", "to": new}],
        "allowed": [],
    }
    assert (done.distribution, done.version) == ("example", "1.0")
    assert done.to_json() == {
        "distribution": "example",
        "version": "1.0",
        "replaces": [],
        "wheel": f"example-1.0-{TAGS}.whl",
        "findings": [],
        "decisions": [decision.to_json() for decision in done.plan.decisions],
    }
    assert [each.new_path for each in done.plan.changes] == [new]


def test_a_duplicate_is_one_file_of_two_names(tmp_path: Path, wheels: Path) -> None:
    # in a folder of .data, so that paths in the wheel and in the scheme differ
    path = f"example-1.0.data/platlib/fast.{GNU}.so"
    wheel = make_wheel(wheels, {path: extension_module("fast", libc="musl")}, tags=TAGS)
    policy = Policy(Repair.DUPLICATE)
    install_wheels([wheel], [make_target()], policy, options_in(tmp_path))
    old, new = (tmp_path / LIB / f"fast.{each}.so" for each in (GNU, MUSL))
    assert old.samefile(new)
    record = (tmp_path / LIB / "example-1.0.dist-info/RECORD").read_text()
    assert f"fast.{GNU}.so,sha256=" in record
    assert f"fast.{MUSL}.so,sha256=" in record


def test_the_same_call_gives_the_same_bytes(tmp_path: Path, wheels: Path) -> None:
    wheel = mislabelled_wheel(wheels, entry_points="[console_scripts]\nhello = pkg:main\n")
    for name in ("1", "2"):
        options = options_in(tmp_path, flat_folder="/srv", destdir=str(tmp_path / name))
        install_wheels([wheel], [make_target()], None, options)
    assert tree(tmp_path / "1") == tree(tmp_path / "2")


def test_no_installer_file(tmp_path: Path, wheels: Path) -> None:
    options = options_in(tmp_path, installer_file=False)
    install_wheels([wheel_of(wheels, "a", "a.py")], [make_target()], None, options)
    info = {f"a-1.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")}
    assert names(tree(tmp_path / LIB)) == {"a.py", *info}


def test_what_only_installers_write_is_left_out(tmp_path: Path, wheels: Path) -> None:
    info = "example-1.0.dist-info"
    files = {f"{info}/INSTALLER": "pip\n", f"{info}/REQUESTED": "", "pkg/__pycache__/a.pyc": "x"}
    wheel = make_wheel(wheels, {"a.py": "", **files})
    (done,) = install_wheels([wheel], [make_target()], None, options_in(tmp_path))
    assert (tmp_path / LIB / info / "INSTALLER").read_bytes() == b"wheelfix\n"
    assert not (tmp_path / LIB / info / "REQUESTED").exists()
    assert not (tmp_path / LIB / "pkg").exists()
    codes = sorted(finding.code.id for finding in done.plan.warnings)
    assert codes == ["WF411", "WF412", "WF412"]


def test_a_target_without_an_executable(tmp_path: Path, wheels: Path) -> None:
    wheel = make_wheel(wheels, {"a.py": ""}, entry_points="[console_scripts]\nhello = a:main\n")
    options = options_in(tmp_path, bytecode_levels=(0,))
    target = make_target(executable=None, magic="00000d0a")
    (done,) = install_wheels([wheel], [target], None, options)
    assert (tmp_path / LIB / "bin/hello").read_text().startswith("#!/usr/bin/python3\n")
    (finding,) = done.plan.all_findings
    assert (finding.code.id, finding.subject) == ("WF519", "cpython 3.9.18 musl x86_64")
    assert not finding.refuses


def test_a_file_that_does_not_compile_is_a_note(tmp_path: Path, wheels: Path) -> None:
    wheel = make_wheel(wheels, {"a.py": "", "pkg/bad.py": "def f(:\n"})
    options = options_in(tmp_path, flat_folder="/srv", destdir=str(tmp_path), bytecode_levels=(0,))
    (done,) = install_wheels([wheel], [running_target()], None, options)
    assert [(each.code.id, each.subject) for each in done.plan.findings] == [
        ("WF509", "/srv/pkg/bad.py")
    ]
    assert done.plan.warnings == ()


def test_nothing_to_install(tmp_path: Path) -> None:
    assert install_wheels([], [make_target()], None, options_in(tmp_path)) == []


# what is only planned


def test_plan_wheel(wheels: Path) -> None:
    plan = plan_wheel(mislabelled_wheel(wheels), [make_target()])
    assert [(each.action.value, each.new_path) for each in plan.decisions] == [
        ("rename", f"pkg/fast.{MUSL}.so")
    ]
    assert plan_wheel(mislabelled_wheel(wheels), [make_target("cp39-gnu")]).decisions == ()
    off = plan_wheel(mislabelled_wheel(wheels), [make_target()], Policy(Repair.OFF))
    assert [each.code.id for each in off.warnings] == ["WF104"]


def test_plan_wheel_tells_refusals_and_raises_for_broken_wheels(wheels: Path) -> None:
    plan = plan_wheel(foreign_wheel(wheels), [make_target()])
    assert [finding.code.id for finding in plan.refusals] == ["WF201"]
    with pytest.raises(InvalidWheelError, match="WF401"):
        plan_wheel(wheels / "a-1-py3-none-any.whl", [make_target()])


def test_a_dry_run_writes_nothing(tmp_path: Path, wheels: Path) -> None:
    wheel = mislabelled_wheel(wheels)
    before = tree(tmp_path)
    (done,) = install_wheels([wheel], [make_target()], None, options_in(tmp_path), dry_run=True)
    assert len(done.plan.changes) == 1
    assert tree(tmp_path) == before


def test_a_dry_run_tells_what_would_be_refused(tmp_path: Path, wheels: Path) -> None:
    (tmp_path / LIB).mkdir()
    (tmp_path / LIB / "a.py").write_text("old")
    wheel = wheel_of(wheels, "a", "a.py")
    with pytest.raises(FileExistsRefusedError):
        install_wheels([wheel], [make_target()], None, options_in(tmp_path), dry_run=True)


# what is refused before anything is written


def test_one_bad_wheel_stops_all(tmp_path: Path, wheels: Path) -> None:
    good = [wheel_of(wheels, "a", "a.py"), wheel_of(wheels, "b", "b.py")]
    before = tree(tmp_path)
    with pytest.raises(WheelRefusedError) as caught:
        install_wheels(
            [good[0], foreign_wheel(wheels), good[1]],
            [make_target()],
            None,
            options_in(tmp_path),
        )
    assert [finding.code.id for finding in caught.value.findings] == ["WF201"]
    (wheels / "foreign-1.0-cp39-cp39-musllinux_1_1_x86_64.whl").unlink()
    assert tree(tmp_path) == before


def test_all_bad_wheels_are_told_at_once(tmp_path: Path, wheels: Path) -> None:
    paths = [wheels / "gone-1-py3-none-any.whl", foreign_wheel(wheels), Path("requests")]
    with pytest.raises(InvalidWheelError) as caught:
        install_wheels(paths, [make_target()], None, options_in(tmp_path))
    assert [finding.code.id for finding in caught.value.findings] == ["WF401", "WF201", "WF401"]
    assert (
        "pip download --no-deps --only-binary :all: requests" in caught.value.findings[2].sentence
    )


@pytest.mark.parametrize(
    ("validate", "refused"), [("none", False), ("entries", False), ("all", True)]
)
def test_a_false_hash(tmp_path: Path, wheels: Path, validate: str, *, refused: bool) -> None:
    wheel = make_wheel(wheels, {"a.py": "x"}, record_rows={"a.py": (record_hash(b"another"), "7")})
    options = options_in(tmp_path, validate_record=validate)
    if refused:
        with pytest.raises(InvalidWheelError, match=r"WF407 a\.py"):
            install_wheels([wheel], [make_target()], None, options)
        assert not (tmp_path / LIB).exists()
    else:
        install_wheels([wheel], [make_target()], None, options)
        assert record_hash(b"x") in (tmp_path / LIB / "example-1.0.dist-info/RECORD").read_text()


@pytest.mark.parametrize(
    ("validate", "refused"), [("none", False), ("entries", True), ("all", True)]
)
def test_a_missing_row(tmp_path: Path, wheels: Path, validate: str, *, refused: bool) -> None:
    wheel = make_wheel(wheels, {"a.py": "x"}, record_rows={"a.py": None})
    options = options_in(tmp_path, validate_record=validate)
    if refused:
        with pytest.raises(InvalidWheelError, match=r"WF407 a\.py: it is not listed"):
            install_wheels([wheel], [make_target()], None, options)
        assert not (tmp_path / LIB).exists()
    else:
        install_wheels([wheel], [make_target()], None, options)
        assert (tmp_path / LIB / "a.py").exists()


def test_all_files_that_exist_are_told_before_one_is_written(tmp_path: Path, wheels: Path) -> None:
    lib = tmp_path / LIB
    entry_points = "[console_scripts]\nhello = pkg:main\n"
    pair = [
        wheel_of(wheels, "first", "pkg/a.py", "pkg/b.py"),
        make_wheel(wheels, {"pkg/c.py": ""}, entry_points=entry_points),
    ]
    existing = ["pkg/b.py", "pkg/c.py", "bin/hello", "example-1.0.dist-info/INSTALLER"]
    for path in existing:
        (lib / path).parent.mkdir(parents=True, exist_ok=True)
        (lib / path).write_text("old")
    before = tree(tmp_path)
    with pytest.raises(FileExistsRefusedError) as caught:
        install_wheels(pair, [make_target()], None, options_in(tmp_path))
    assert {finding.subject for finding in caught.value.findings} == {
        str(lib / path) for path in existing
    }
    assert {finding.code.id for finding in caught.value.findings} == {"WF505"}
    assert tree(tmp_path) == before
    install_wheels(pair, [make_target()], None, options_in(tmp_path, overwrite_existing=True))
    assert (lib / "pkg/b.py").read_text() == "new\n"
    assert names(tree(lib)) > set(existing)
    assert not any(".wheelfix-" in path for path in tree(tmp_path))


def test_launchers_count_by_their_own_name(tmp_path: Path, wheels: Path) -> None:
    wheel = make_wheel(wheels, {"a.py": ""}, entry_points="[gui_scripts]\nhello = a:main\n")
    (tmp_path / LIB / "bin").mkdir(parents=True)
    (tmp_path / LIB / "bin" / "hello.exe").write_text("old")
    options = options_in(tmp_path, script_kind="win-amd64")
    with pytest.raises(FileExistsRefusedError, match=r"hello\.exe: it exists already"):
        install_wheels([wheel], [make_target()], None, options)
    (tmp_path / LIB / "bin" / "hello.exe").rename(tmp_path / LIB / "bin" / "hello")
    install_wheels([wheel], [make_target()], None, options)
    assert (tmp_path / LIB / "bin" / "hello.exe").read_bytes()[:2] == b"MZ"


def test_two_wheels_that_bring_one_file(tmp_path: Path, wheels: Path) -> None:
    pair = [
        wheel_of(wheels, "a", "both.py", "a.py", content="a"),
        wheel_of(wheels, "b", "both.py", "b.py", content="b"),
    ]
    with pytest.raises(FileExistsRefusedError) as caught:
        install_wheels(pair, [make_target()], None, options_in(tmp_path))
    assert str(caught.value) == (
        f"WF505 {tmp_path}/lib/both.py: both a-1.0-py3-none-any.whl and b-1.0-py3-none-any.whl bring it"
    )
    assert not (tmp_path / LIB).exists()
    # as with installer the last one stays, and it leaves nothing behind
    install_wheels(pair, [make_target()], None, options_in(tmp_path, overwrite_existing=True))
    assert (tmp_path / LIB / "both.py").read_text() == "b"
    assert not any(".wheelfix-" in path for path in tree(tmp_path))


def test_one_wheel_given_twice(tmp_path: Path, wheels: Path) -> None:
    wheel = wheel_of(wheels, "a", "a.py")
    with pytest.raises(FileExistsRefusedError) as caught:
        install_wheels([wheel, wheel], [make_target()], None, options_in(tmp_path))
    assert str(caught.value).splitlines()[0] == (
        f"WF505 {tmp_path}/lib/a.py: a-1.0-py3-none-any.whl is given twice"
    )
    # its own files, and INSTALLER
    assert len(caught.value.findings) == 5


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_schemes_that_are_one_folder(tmp_path: Path, wheels: Path, *, overwrite: bool) -> None:
    """Data and purelib are one where --target is; the planner can't know."""
    wheel = make_wheel(wheels, {"a.py": "1", "example-1.0.data/data/a.py": "2"})
    options = options_in(tmp_path, overwrite_existing=overwrite)
    with pytest.raises(InvalidWheelError, match=r"WF410 .*lib/a\.py: .* brings it twice"):
        install_wheels([wheel], [make_target()], None, options)
    assert not (tmp_path / LIB).exists()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("first", ["file", "folder"])
def test_a_file_of_one_wheel_that_is_a_folder_of_another(
    tmp_path: Path, wheels: Path, first: str, *, overwrite: bool
) -> None:
    pair = [wheel_of(wheels, "file", "pkg"), wheel_of(wheels, "folder", "pkg/deep/a.py")]
    if first == "folder":
        pair.reverse()
    options = options_in(tmp_path, overwrite_existing=overwrite)
    with pytest.raises(EnvironmentRefusedError) as caught:
        install_wheels(pair, [make_target()], None, options)
    assert str(caught.value) == (
        f"WF506 {tmp_path}/lib/pkg: the wheels of this call have it as a file and as a folder"
    )
    assert not (tmp_path / LIB).exists()


def test_each_obstacle_is_told_once(tmp_path: Path, wheels: Path) -> None:
    (tmp_path / LIB).mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / LIB / "pkg").symlink_to(tmp_path / "elsewhere")
    before = tree(tmp_path / LIB)
    wheel = wheel_of(wheels, "a", "pkg/a.py", "pkg/b.py", "c.py")
    with pytest.raises(EnvironmentRefusedError) as caught:
        install_wheels(
            [wheel], [make_target()], None, options_in(tmp_path, overwrite_existing=True)
        )
    (finding,) = caught.value.findings
    assert (finding.code.id, finding.subject) == ("WF506", str(tmp_path / LIB / "pkg"))
    assert tree(tmp_path / LIB) == before
    assert tree(tmp_path / "elsewhere") == {}


def managed_target(stdlib: Path) -> wheelfix.Target:
    (stdlib / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=Use apt.\n")
    return make_target(paths={**make_target().paths, "stdlib": str(stdlib)})


def test_an_externally_managed_environment(tmp_path: Path, wheels: Path) -> None:
    target = managed_target(tmp_path)
    wheel = wheel_of(wheels, "a", "a.py")
    with pytest.raises(EnvironmentRefusedError, match=r"WF504 /usr/bin/python3\.9: Use apt\."):
        install_wheels([wheel], [target], None, options_in(tmp_path, outside_environment=False))
    assert not (tmp_path / LIB).exists()
    (done,) = install_wheels([wheel], [target], None, options_in(tmp_path))
    assert done.plan.all_findings == ()


def test_an_allowed_refusal_is_recorded_without_a_place(tmp_path: Path, wheels: Path) -> None:
    target = managed_target(tmp_path)
    policy = Policy(allow=frozenset({"WF504", "WF201"}))
    options = options_in(tmp_path, outside_environment=False)
    (done,) = install_wheels([foreign_wheel(wheels)], [target], policy, options)
    told = [(finding.code.id, finding.subject) for finding in done.plan.warnings]
    module = "bad.cpython-39-aarch64-linux-musl.so"
    assert told == [("WF504", "/usr/bin/python3.9"), ("WF201", module)]
    content = (tmp_path / LIB / "foreign-1.0.dist-info/wheelfix.json").read_text()
    assert json.loads(content)["allowed"] == [
        {"code": "WF504", "subject": wheelfix.codes.EXTERNALLY_MANAGED.reason},
        {"code": "WF201", "subject": module},
    ]
    assert "/usr" not in content


def test_targets_that_disagree(tmp_path: Path, wheels: Path) -> None:
    both = [make_target("cp39-musl"), make_target("cp311-musl")]
    wheel = wheel_of(wheels, "a", "a.py")
    with pytest.raises(EnvironmentRefusedError, match="WF508"):
        install_wheels([wheel], both, None, options_in(tmp_path, flat_folder=None))
    install_wheels([wheel], both, None, options_in(tmp_path))
    assert (tmp_path / LIB / "a.py").exists()


# what fails while it is written


@pytest.fixture
def populated(tmp_path: Path) -> Path:
    """A folder with files that the wheels replace, and what they never touch."""
    lib = tmp_path / LIB
    (lib / "pkg" / "empty").mkdir(parents=True)
    (lib / "pkg" / "a.py").write_text("old")
    (lib / "pkg" / "a.py").chmod(0o640)
    (lib / "pkg" / "b.py").symlink_to("a.py")
    (lib / "bystander").write_text("theirs")
    return lib


def assert_taken_back(
    populated: Path, paths: Sequence[Path], code: str, subject: str, sentence: str
) -> None:
    before = tree(populated)
    options = options_in(
        populated.parent, flat_folder=str(populated), overwrite_existing=True, bytecode_levels=(0,)
    )
    with pytest.raises(WheelfixError) as caught:
        install_wheels(paths, [running_target()], None, options)
    (finding,) = caught.value.findings
    assert (finding.code.id, finding.subject) == (code, subject)
    assert sentence in finding.sentence
    assert tree(populated) == before


def first_wheel(wheels: Path) -> Path:
    return make_wheel(
        wheels,
        {"pkg/a.py": "new", "pkg/b.py": "new", "pkg/sub/c.py": "new"},
        entry_points="[console_scripts]\nhello = pkg:main\n",
        name="first",
    )


def test_a_damaged_last_member(populated: Path, wheels: Path) -> None:
    last = wheel_of(wheels, "last", "other/a.py", "other/z.txt", content=os.urandom(99).hex())
    damage(last, "other/z.txt")
    assert_taken_back(
        populated,
        [first_wheel(wheels), last],
        "WF413",
        last.name,
        "'other/z.txt': its CRC-32 is not the one in the archive",
    )


def test_a_path_that_is_too_long_for_its_place(populated: Path, wheels: Path) -> None:
    # the parts and the whole are within every file system's limits, but not below a folder with a long name
    folders = "/".join(["x" * 200] * 20)
    last = wheel_of(wheels, "last", "other/a.py", f"other/{folders}/z.py")
    with pytest.raises(EnvironmentRefusedError) as caught:
        install_wheels(
            [first_wheel(wheels), last],
            [make_target()],
            None,
            options_in(populated.parent, overwrite_existing=True),
        )
    assert caught.value.findings[0].code.id == "WF506"
    assert caught.value.findings[0].sentence == os.strerror(errno.ENAMETOOLONG)


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let no file grow beyond 64 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def large_wheel(wheels: Path) -> Path:
    return make_wheel(
        wheels, {"other/a.py": "", "other/large.bin": os.urandom(2**18)}, name="large"
    )


def test_a_file_that_is_too_large(
    populated: Path, wheels: Path, request: pytest.FixtureRequest
) -> None:
    paths = [first_wheel(wheels), large_wheel(wheels)]
    request.getfixturevalue("small_files")
    assert_taken_back(
        populated,
        paths,
        "WF506",
        str(populated / "other/large.bin"),
        os.strerror(errno.EFBIG),
    )


def test_a_full_file_system(populated: Path, wheels: Path) -> None:
    paths = [first_wheel(wheels), large_wheel(wheels)]
    small = populated.parent / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=96k", "none", str(small)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no small file system can be mounted here")
    try:
        subprocess.run(["cp", "-a", f"{populated}/.", str(small)], check=True)
        assert_taken_back(
            small, paths, "WF506", str(small / "other/large.bin"), os.strerror(errno.ENOSPC)
        )
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_folder_for_bytecode_that_is_a_file(populated: Path, wheels: Path) -> None:
    (populated / "__pycache__").write_text("a file")
    paths = [first_wheel(wheels), wheel_of(wheels, "last", "top.py")]
    assert_taken_back(
        populated,
        paths,
        "WF506",
        str(populated / "__pycache__"),
        "it is no folder, but files of the wheel belong below it",
    )


def test_an_error_without_a_file_names_the_wheel(
    populated: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **_options: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    # what a dying disk says can't be had in a test
    monkeypatch.setattr("wheelfix.bytecode.compile_bytecode", fail)
    wheel = first_wheel(wheels)
    assert_taken_back(populated, [wheel], "WF506", wheel.name, os.strerror(errno.EIO))


def test_after_a_failure_the_same_call_can_be_made_again(populated: Path, wheels: Path) -> None:
    last = wheel_of(wheels, "last", "other/z.txt", content=os.urandom(99).hex())
    sound = last.read_bytes()
    damage(last, "other/z.txt")
    paths = [first_wheel(wheels), last]
    options = options_in(populated.parent, overwrite_existing=True)
    with pytest.raises(InvalidWheelError):
        install_wheels(paths, [make_target()], None, options)
    last.write_bytes(sound)
    install_wheels(paths, [make_target()], None, options)
    assert (populated / "other" / "z.txt").exists()
    assert (populated / "pkg" / "a.py").read_text() == "new"


# among the interpreter's own files


@pytest.mark.parametrize("destdir", [True, False])
def test_a_file_of_the_standard_library_is_refused(
    tmp_path: Path, wheels: Path, *, destdir: bool
) -> None:
    root = tmp_path / "root"
    prefix = "/usr" if destdir else f"{root}/usr"
    paths = {
        "stdlib": f"{prefix}/lib/python3.9",
        "platstdlib": f"{prefix}/lib64/python3.9",
        **dict.fromkeys(("purelib", "platlib"), f"{prefix}/lib/python3.9/site-packages"),
        "scripts": f"{prefix}/bin",
        "headers": f"{prefix}/include",
        "data": prefix,
    }
    data = "example-1.0.data/data"
    bad = make_wheel(wheels, {f"{data}/lib/python3.9/os.py": "", "a.py": ""})
    options = InstallOptions(
        destdir=str(root) if destdir else None, bytecode_levels=(), outside_environment=True
    )
    target = make_target(paths=paths)
    with pytest.raises(WheelRefusedError) as caught:
        install_wheels([bad], [target], None, options)
    (finding,) = caught.value.findings
    assert (finding.code.id, finding.subject) == ("WF427", f"{root}/usr/lib/python3.9/os.py")
    assert not root.exists()
    policy = Policy(allow=frozenset({"WF427"}))
    (done,) = install_wheels([bad], [target], policy, options)
    assert [finding.code.id for finding in done.plan.warnings] == ["WF427"]
    assert (root / "usr/lib/python3.9/os.py").exists()


def test_data_in_site_packages_is_nobody_elses(tmp_path: Path, wheels: Path) -> None:
    prefix = f"{tmp_path}/usr"
    paths = {
        "stdlib": f"{prefix}/lib/python3.9",
        **dict.fromkeys(("purelib", "platlib"), f"{prefix}/lib/python3.9/site-packages"),
        "scripts": f"{prefix}/bin",
        "headers": f"{prefix}/include",
        "data": prefix,
    }
    data = "example-1.0.data/data"
    wheel = make_wheel(wheels, {f"{data}/lib/python3.9/site-packages/a.pth": "", "a.py": ""})
    options = InstallOptions(bytecode_levels=(), outside_environment=True)
    install_wheels([wheel], [make_target(paths=paths)], None, options)
    assert Path(prefix, "lib/python3.9/site-packages/a.pth").exists()


# an upgrade


@pytest.fixture
def installed(tmp_path: Path, wheels: Path) -> Path:
    """Install version 1.0, with a script and a file that RECORD doesn't list, and give the folder."""
    old = make_wheel(
        wheels,
        {"pkg/__init__.py": "old", "pkg/gone.py": "", "pkg/sub/gone.py": ""},
        entry_points="[console_scripts]\nhello = pkg:main\n",
    )
    install_wheels([old], [make_target()], None, options_in(tmp_path))
    old.unlink()
    (tmp_path / LIB / "pkg" / "unlisted.txt").write_text("the user's")
    return tmp_path / LIB


def test_an_upgrade_takes_the_place_of_the_old_version(installed: Path, wheels: Path) -> None:
    new = make_wheel(wheels, {"pkg/__init__.py": "new", "pkg/more.py": ""}, version="2.0")
    (done,) = install_wheels(
        [new], [make_target()], None, options_in(installed.parent, upgrade=True)
    )
    assert names(tree(installed)) == {
        "pkg/__init__.py",
        "pkg/more.py",
        "pkg/unlisted.txt",
        *(f"example-2.0.dist-info/{each}" for each in ("INSTALLER", "METADATA", "RECORD", "WHEEL")),
    }
    assert not (installed / "pkg" / "sub").exists()
    assert not (installed / "example-1.0.dist-info").exists()
    assert (installed / "pkg" / "__init__.py").read_text() == "new"
    assert done.replaces == ("1.0",)
    assert done.to_json()["replaces"] == ["1.0"]


def test_two_upgrades_in_one_call(installed: Path, wheels: Path) -> None:
    options = options_in(installed.parent, upgrade=True)
    install_wheels([wheel_of(wheels, "other", "other.py")], [make_target()], None, options)
    new = [
        make_wheel(wheels, {"pkg/__init__.py": "new"}, version="2.0"),
        make_wheel(wheels, {"other.py": "new"}, name="other", version="3.0"),
    ]
    done = install_wheels(new, [make_target()], None, options)
    assert [each.replaces for each in done] == [("1.0",), ("1.0",)]
    infos = {each.name for each in installed.glob("*.dist-info")}
    assert infos == {"example-2.0.dist-info", "other-3.0.dist-info"}


def test_the_same_version_can_be_installed_again(installed: Path, wheels: Path) -> None:
    again = make_wheel(wheels, {"pkg/__init__.py": "again"})
    install_wheels([again], [make_target()], None, options_in(installed.parent, upgrade=True))
    assert (installed / "pkg" / "__init__.py").read_text() == "again"
    assert not (installed / "pkg" / "gone.py").exists()


def test_an_upgrade_of_what_is_not_installed_is_an_install(tmp_path: Path, wheels: Path) -> None:
    wheel = wheel_of(wheels, "first", "a.py")
    options = options_in(tmp_path, upgrade=True)
    (done,) = install_wheels([wheel], [make_target()], None, options)
    assert done.replaces == ()
    assert (tmp_path / LIB / "a.py").exists()


def test_a_dry_run_of_an_upgrade_changes_nothing(installed: Path, wheels: Path) -> None:
    before = tree(installed)
    new = make_wheel(wheels, {"pkg/__init__.py": "new"}, version="2.0")
    options = options_in(installed.parent, upgrade=True)
    (done,) = install_wheels([new], [make_target()], None, options, dry_run=True)
    assert done.replaces == ("1.0",)
    assert tree(installed) == before


def test_an_upgrade_that_fails_leaves_the_old_version(installed: Path, wheels: Path) -> None:
    before = tree(installed)
    new = make_wheel(wheels, {"pkg/__init__.py": "new"}, version="2.0")
    damage(new, "pkg/__init__.py")
    options = options_in(installed.parent, upgrade=True)
    with pytest.raises(InvalidWheelError):
        install_wheels([new], [make_target()], None, options)
    assert tree(installed) == before


def test_a_file_that_was_changed_since_is_not_replaced_unasked(
    installed: Path, wheels: Path
) -> None:
    (installed / "pkg" / "__init__.py").write_text("changed by the user")
    before = tree(installed)
    new = make_wheel(wheels, {"pkg/__init__.py": "new"}, version="2.0")
    with pytest.raises(FileExistsRefusedError) as caught:
        install_wheels([new], [make_target()], None, options_in(installed.parent, upgrade=True))
    assert caught.value.findings[0].subject == str(installed / "pkg" / "__init__.py")
    assert tree(installed) == before


def test_what_is_kept_of_the_old_version_is_told(installed: Path, wheels: Path) -> None:
    (installed / "pkg" / "gone.py").write_text("changed by the user")
    new = make_wheel(wheels, {"pkg/__init__.py": "new"}, version="2.0")
    options = options_in(installed.parent, upgrade=True)
    (done,) = install_wheels([new], [make_target()], None, options)
    assert [finding.code.id for finding in done.plan.warnings] == ["WF516"]
    assert (installed / "pkg" / "gone.py").read_text() == "changed by the user"


# what of RECORD is not heeded


@pytest.mark.parametrize("validate_record", ["entries", "none"])
def test_a_wrong_hash_that_is_let_through_is_told_and_the_right_one_written(
    tmp_path: Path, wheels: Path, validate_record: str
) -> None:
    wheel = wheel_of(wheels, "first", "a.py", content="something")
    change_recorded_hash(wheel, b"something", b"another")
    options = options_in(tmp_path, validate_record=validate_record)
    (done,) = install_wheels([wheel], [make_target()], None, options)
    record = (tmp_path / LIB / "first-1.0.dist-info" / "RECORD").read_text().splitlines()
    assert f"a.py,{record_hash(b'something')},9" in record
    assert [(each.code.id, each.subject, each.allowed) for each in done.plan.warnings] == [
        ("WF407", "a.py", True)
    ]


def change_recorded_hash(wheel: Path, content: bytes, other: bytes) -> None:
    with zipfile.ZipFile(wheel) as archive:
        members = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for info, data in members.items():
            old, new = record_hash(content).encode(), record_hash(other).encode()
            archive.writestr(info, data.replace(old, new))


def test_a_wrong_hash_undoes_the_call(tmp_path: Path, wheels: Path) -> None:
    wheel = wheel_of(wheels, "first", "a.py", content="something")
    change_recorded_hash(wheel, b"something", b"another")
    for dry_run in (True, False):
        with pytest.raises(InvalidWheelError, match=r"WF407 a\.py: its hash"):
            install_wheels([wheel], [make_target()], None, options_in(tmp_path), dry_run=dry_run)
    assert not (tmp_path / LIB).exists()


# installer's own door


class RecordingDestination(SchemeDictionaryDestination):
    """Notes whether it was ever called."""

    called = False

    def write_file(self, *arguments: Any, **more: Any) -> Any:
        self.called = True
        return super().write_file(*arguments, **more)


def installer_destination(folder: Path) -> RecordingDestination:
    schemes = ("purelib", "platlib", "headers", "scripts", "data")
    return RecordingDestination(
        {scheme: str(folder / scheme) for scheme in schemes},
        interpreter=sys.executable,
        script_kind="posix",
    )


def test_install_does_what_installers_does(tmp_path: Path, wheels: Path) -> None:
    wheel = make_wheel(
        wheels,
        {
            "pkg/__init__.py": "",
            "example-1.0.data/scripts/run": "#!python\n",
            "example-1.0.data/data/share/x": "x",
            "example-1.0.data/headers/x.h": "x",
        },
        entry_points="[console_scripts]\nhello = pkg:main\n",
    )
    for name, function in (("theirs", installer.install), ("ours", install)):
        with WheelFile.open(wheel) as source:
            destination = installer_destination(tmp_path / name)
            function(source, destination, {"INSTALLER": b"me\n"})
    assert tree(tmp_path / "theirs") == tree(tmp_path / "ours")


def test_install_repairs(tmp_path: Path, wheels: Path) -> None:
    with WheelFile.open(mislabelled_wheel(wheels)) as source:
        destination = installer_destination(tmp_path)
        wheelfix.install(source, destination, {}, targets=[make_target()])
    assert (tmp_path / "platlib" / "pkg" / f"fast.{MUSL}.so").exists()
    assert not (tmp_path / "platlib" / "pkg" / f"fast.{GNU}.so").exists()


def test_install_refuses_before_the_destination_is_called(tmp_path: Path, wheels: Path) -> None:
    with WheelFile.open(foreign_wheel(wheels)) as source:
        destination = installer_destination(tmp_path / "root")
        with pytest.raises(WheelRefusedError, match="WF201"):
            wheelfix.install(source, destination, {}, targets=[make_target()])
    assert not destination.called
    assert not (tmp_path / "root").exists()


def swapped(folder: Path) -> list[Path]:
    """Make two versions; what is a file in the one is a folder in the other."""
    first = {"pkg/a": "file\n", "pkg/b/deep/c.py": ""}
    second = {"pkg/a/deep/c.py": "", "pkg/b": "file\n"}
    return [make_wheel(folder, first), make_wheel(folder, second, version="2.0")]


def test_an_upgrade_puts_folders_in_the_place_of_files_and_files_in_that_of_folders(
    tmp_path: Path, wheels: Path
) -> None:
    old, new = swapped(wheels)
    options = options_in(tmp_path, upgrade=True)
    install_wheels([old], [make_target()], None, options)
    install_wheels([new], [make_target()], None, options)
    assert {path for path in names(tree(tmp_path / LIB)) if path.startswith("pkg")} == {
        "pkg/a/deep/c.py",
        "pkg/b",
    }


@pytest.mark.parametrize("link", [True, False])
def test_an_upgrade_keeps_a_folder_that_holds_what_is_not_its_own(
    tmp_path: Path, wheels: Path, *, link: bool
) -> None:
    old, new = swapped(wheels)
    options = options_in(tmp_path, upgrade=True)
    install_wheels([old], [make_target()], None, options)
    other = tmp_path / LIB / "pkg/b/deep/mine"
    if link:
        other.symlink_to(tmp_path, target_is_directory=True)
    else:
        other.write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(EnvironmentRefusedError, match="there is a folder where the wheel has a"):
        install_wheels([new], [make_target()], None, options)
    assert tree(tmp_path) == before
