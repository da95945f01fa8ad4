"""Which files of a wheel are extension modules to verify, and under which names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.elf_maker import extension_module, shared_object
from support.wheel_maker import make_wheel
from wheelfix.errors import InvalidWheelError
from wheelfix.planning import Action, Decision, Plan
from wheelfix.verifying import WheelFiles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Files = Mapping[str, bytes | str]

MODULE, LIBRARY = extension_module("fast"), shared_object()
DATA = "example-1.0.data"
SUFFIX = ".cpython-39-x86_64-linux-gnu.so"
OTHER_SUFFIX = ".cpython-39-x86_64-linux-musl.so"


def found(folder: Path, files: Files, *decisions: Decision) -> dict[str, Any]:
    """Put the files of a wheel where the plan wants them; give for each name path and installed file."""
    wheel = make_wheel(folder, files)
    wheel_files = WheelFiles(wheel)
    wheel.unlink()
    plan = Plan(wheel.name, decisions)
    folders = {"purelib": str(folder / "pure"), "platlib": str(folder / "plat")}
    for path, content in files.items():
        for new_path in plan.paths_of(path):
            at = folder / "pure" / new_path
            for scheme, name in (("platlib", "plat"), ("purelib", "pure"), ("data", "data")):
                prefix = f"{DATA}/{scheme}/"
                if new_path.startswith(prefix):
                    at = folder / name / new_path[len(prefix) :]
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(content.encode() if isinstance(content, str) else content)
    modules = wheel_files.modules(plan, folders)
    return {
        module.name: [(each.path, str(each.file)[len(str(folder)) + 1 :]) for each in module.files]
        for module in modules
    }


def rename(old: str, new: str, action: Action = Action.RENAME) -> Decision:
    return Decision(old, action, new)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"fast{SUFFIX}", "fast"),
        (f"pkg/sub/fast{SUFFIX}", "pkg.sub.fast"),
        ("pkg/fast.abi3.so", "pkg.fast"),
        ("pkg/fast.so", "pkg.fast"),
        (f"pkg/fast/__init__{SUFFIX}", "pkg.fast"),
    ],
)
def test_names(tmp_path: Path, path: str, name: str) -> None:
    assert found(tmp_path, {path: MODULE}) == {name: [(path, f"pure/{path}")]}


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("pkg/libfast.so.5", MODULE),
        ("pkg/libfast.so", LIBRARY),
        (f"pkg/slow{SUFFIX}", MODULE),
        (f"pkg/lib-dynload/fast{SUFFIX}", MODULE),
        (f"__init__{SUFFIX}", MODULE),
        ("pkg/data.so", "text"),
        (f"{DATA}/data/fast{SUFFIX}", MODULE),
        ("pkg/fast.py", ""),
    ],
)
def test_what_is_no_module_to_import(tmp_path: Path, path: str, content: bytes | str) -> None:
    assert found(tmp_path, {path: content}) == {}


def test_of_what_is_not_readable_as_elf_the_name_decides(tmp_path: Path) -> None:
    path = f"pkg/fast{SUFFIX}"
    assert found(tmp_path, {path: MODULE[:100]}) == {"pkg.fast": [(path, f"pure/{path}")]}


def test_data_folders(tmp_path: Path) -> None:
    path = f"{DATA}/platlib/pkg/fast{SUFFIX}"
    assert found(tmp_path, {path: MODULE}) == {"pkg.fast": [(path, f"plat/pkg/fast{SUFFIX}")]}


def test_renamed(tmp_path: Path) -> None:
    old, new = f"pkg/fast{SUFFIX}", f"pkg/fast{OTHER_SUFFIX}"
    assert found(tmp_path, {old: MODULE}, rename(old, new)) == {"pkg.fast": [(old, f"pure/{new}")]}


def test_two_names(tmp_path: Path) -> None:
    old, new = f"pkg/fast{SUFFIX}", f"pkg/fast{OTHER_SUFFIX}"
    decision = rename(old, new, Action.DUPLICATE)
    assert found(tmp_path, {old: MODULE}, decision) == {
        "pkg.fast": [(old, f"pure/{old}"), (old, f"pure/{new}")]
    }


def test_left_out(tmp_path: Path) -> None:
    path = f"pkg/fast{SUFFIX}"
    assert found(tmp_path, {path: MODULE}, Decision(path, Action.LEAVE_OUT)) == {}


def test_one_name_of_several_files(tmp_path: Path) -> None:
    first, second = f"pkg/fast{SUFFIX}", "pkg/fast.cpython-310-x86_64-linux-gnu.so"
    assert found(tmp_path, {first: MODULE, second: MODULE}) == {
        "pkg.fast": [(first, f"pure/{first}"), (second, f"pure/{second}")]
    }


def test_below_what_a_pth_file_of_the_wheel_adds(tmp_path: Path) -> None:
    path = f"own-prefix/pkg/fast{SUFFIX}"
    pth = "# comment\nimport os; x\n/absolute\n\nelsewhere\nown-prefix/\n"
    files: Files = {path: MODULE, "example.pth": pth, "pkg/deep.pth": "x", "x.py": ""}
    assert found(tmp_path, files) == {"pkg.fast": [(path, f"pure/{path}")]}


def test_top_level_names(tmp_path: Path) -> None:
    files: Files = {
        f"{DATA}/platlib/one/x.py": "",
        f"two{SUFFIX}": MODULE,
        "three.py": "",
        f"{DATA}/scripts/four": "",
    }
    names = WheelFiles(make_wheel(tmp_path, files)).top_level_names
    assert {name for name in names if "-" not in name} == {"one", "two", "three"}


def test_a_broken_wheel(tmp_path: Path) -> None:
    with pytest.raises(InvalidWheelError):
        WheelFiles(tmp_path / "absent-1-py3-none-any.whl")


def test_record_is_let_through_as_for_an_install(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"pkg/x.py": ""}, record_rows={"pkg/x.py": None})
    with pytest.raises(InvalidWheelError):
        WheelFiles(wheel)
    assert "pkg" in WheelFiles(wheel, validate_record="none").top_level_names
    assert "pkg" in WheelFiles(wheel, ["WF407"]).top_level_names
