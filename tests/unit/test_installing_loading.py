"""What an install foretells of loading: for musl alone, where one thing is certain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.elf_maker import extension_module, shared_object
from support.root_maker import RootMaker
from support.target_maker import make_target
from support.wheel_maker import make_wheel
from wheelfix.errors import WheelRefusedError
from wheelfix.installing import install_wheels, plan_wheel
from wheelfix.layout import InstallOptions
from wheelfix.planning import Policy

if TYPE_CHECKING:
    from pathlib import Path

    from wheelfix.targets import Target

TAGS = "cp39-cp39-musllinux_1_1_x86_64"
NAME = "fast.cpython-39-x86_64-linux-musl.so"
TPOFF64 = 18
INITIAL_EXEC = shared_object(
    needed=["libc.musl-x86_64.so.1"],
    symbols=["PyInit_fast", "errors"],
    thread_local=True,
    relocations=[(TPOFF64, "errors")],
)
NEEDS_FOO = shared_object(
    needed=["libfoo-12345678.so.1", "libc.musl-x86_64.so.1"],
    symbols=["PyInit_fast"],
    runpath="$ORIGIN/../foo.libs",
)


def profile(**changes: Any) -> Target:
    """Describe an interpreter that isn't here."""
    return make_target("cp39-musl", executable=None, libc_version="1.2.2", **changes)


def wheel_of(folder: Path, module: bytes, **changes: Any) -> Path:
    return make_wheel(folder, tags=TAGS, files={f"pkg/{NAME}": module}, **changes)


def options_in(folder: Path, **changes: Any) -> InstallOptions:
    return InstallOptions(
        flat_folder=str(folder / "lib"), bytecode_levels=(), outside_environment=True, **changes
    )


def ids(findings: Any) -> list[str]:
    return [finding.code.id for finding in findings]


def test_initial_exec_tls_is_refused_on_musl(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, INITIAL_EXEC)
    with pytest.raises(WheelRefusedError) as refused:
        install_wheels([wheel], [profile()], options=options_in(tmp_path))
    assert ids(refused.value.findings) == ["WF305"]
    assert not (tmp_path / "lib").exists()
    assert ids(plan_wheel(wheel, [profile()]).refusals) == ["WF305"]


def test_a_folder_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = InstallOptions(flat_folder="lib", bytecode_levels=(), outside_environment=True)
    with pytest.raises(WheelRefusedError) as refused:
        install_wheels([wheel_of(tmp_path, INITIAL_EXEC)], [profile()], options=options)
    (finding,) = refused.value.findings
    assert f"{tmp_path}/lib/pkg/{NAME}" in finding.sentence


def test_it_is_let_through_by_its_key_and_recorded(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, INITIAL_EXEC)
    policy = Policy(allow=frozenset({"WF305"}))
    (done,) = install_wheels([wheel], [profile()], policy, options_in(tmp_path))
    assert ids(done.plan.warnings) == ["WF305"]
    assert (tmp_path / "lib/pkg" / NAME).is_file()
    (record,) = tmp_path.glob("lib/*.dist-info/wheelfix.json")
    assert json.loads(record.read_text("utf-8"))["allowed"] == [
        {"code": "WF305", "subject": f"pkg/{NAME}"}
    ]


def test_it_is_nothing_to_glibc(tmp_path: Path) -> None:
    module = shared_object(
        needed=["libc.so.6"],
        symbols=["PyInit_fast", "errors"],
        thread_local=True,
        relocations=[(TPOFF64, "errors")],
    )
    name = "fast.cpython-39-x86_64-linux-gnu.so"
    tags = "cp39-cp39-manylinux2014_x86_64"
    wheel = make_wheel(tmp_path, tags=tags, files={f"pkg/{name}": module})
    target = make_target("cp39-glibc", executable=None)
    assert plan_wheel(wheel, [target]).all_findings == ()


def test_a_wheel_without_modules_is_not_looked_into(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, files={"pkg/__init__.py": ""})
    assert plan_wheel(wheel, [profile()]).all_findings == ()


def test_a_symbol_that_musl_lacks_is_a_warning(tmp_path: Path) -> None:
    module = shared_object(
        needed=["libc.musl-x86_64.so.1"],
        symbols=["PyInit_fast"],
        undefined=["backtrace"],
        relocations=[(6, "backtrace")],
    )
    wheel = wheel_of(tmp_path, module)
    (done,) = install_wheels([wheel], [profile()], options=options_in(tmp_path))
    (warning,) = done.plan.warnings
    assert warning.code.id == "WF321"
    assert warning.sentence.startswith("WF304: nothing defines backtrace, nor does musl")
    # what is foretold changes no byte of what is installed
    assert not list(tmp_path.glob("lib/*.dist-info/wheelfix.json"))


def test_a_library_that_another_wheel_of_the_call_brings_is_not_missing(tmp_path: Path) -> None:
    root = RootMaker(tmp_path / "root").make()
    loader = shared_object(symbols=["malloc", "PyModule_Create2"]) + b"\0001.2.5\0"
    root.write("/lib/ld-musl-x86_64.so.1", loader)
    target = profile()
    options = InstallOptions(
        destdir=str(root.folder),
        inside_root=True,
        interpreter=root.executable,
        bytecode_levels=(),
        outside_environment=True,
    )
    needing = wheel_of(tmp_path, NEEDS_FOO)
    bringing = make_wheel(
        tmp_path,
        name="other",
        tags=TAGS,
        files={"foo.libs/libfoo-12345678.so.1": shared_object(symbols=["foo"])},
    )
    alone, *_ = install_wheels([needing], [target], options=options, dry_run=True)
    assert ids(alone.plan.warnings) == ["WF321"]
    assert "libfoo-12345678.so.1 is not there" in alone.plan.warnings[0].sentence
    both = install_wheels([needing, bringing], [target], options=options, dry_run=True)
    assert [ids(done.plan.warnings) for done in both] == [[], []]


def test_an_interpreter_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    options = InstallOptions(
        destdir=str(tmp_path / "root"),
        inside_root=True,
        interpreter="/usr/bin/python3",
        bytecode_levels=(),
        outside_environment=True,
    )
    wheel = wheel_of(tmp_path, INITIAL_EXEC)
    (done,) = install_wheels([wheel], [profile()], options=options, dry_run=True)
    assert done.plan.warnings == ()


def test_a_module_that_loads_is_not_worth_a_word(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, extension_module("fast", libc="musl"))
    assert plan_wheel(wheel, [profile()]).all_findings == ()
