"""An installed distribution, checked as it lies in its environment."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from support.elf_maker import extension_module, shared_object
from support.installed_maker import make_installed
from support.root_maker import RootMaker
from support.target_maker import make_target
from wheelfix.checking import CheckedWheel, System, Verdict, check_distribution
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.planning import Policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SITE = "/usr/lib/python3.9/site-packages"
GNU, MUSL = ".cpython-39-x86_64-linux-gnu.so", ".cpython-39-x86_64-linux-musl.so"
TAG = "cp39-cp39-musllinux_1_1_x86_64"
ON_MUSL = extension_module("m", libc="musl")
#: with DT_VERDEF at an address that no segment holds, which only the loader asks for
BROKEN = shared_object(symbols=["PyInit_m", "a@@V1"])
_PLACE = BROKEN.index(struct.pack("<Q", 0x6FFFFFFC)) + 8
BROKEN = BROKEN[:_PLACE] + struct.pack("<Q", 1 << 40) + BROKEN[_PLACE + 8 :]


def musl_root(folder: Path) -> RootMaker:
    root = RootMaker(folder / "root").make(interpreter=None)
    loader = "/lib/ld-musl-x86_64.so.1"
    python = shared_object(interpreter=loader, needed=["libc.musl-x86_64.so.1"])
    root.write(root.executable, python)
    libc = shared_object(symbols=["memcpy", "stdin", "__libc_start_main"])
    root.write(loader, libc + b"\x001.2.5\0")
    return root


def install(
    root: RootMaker,
    files: dict[str, bytes | str],
    site: str = SITE,
    wheel: str | bytes = f"Tag: {TAG}\n",
    **others: Any,
) -> Path:
    """Install a distribution ``example``."""
    folder = root.folder / site.lstrip("/")
    info = f"{others.get('name', 'example')}-1.0.dist-info"
    return make_installed(folder, {**files, f"{info}/WHEEL": wheel}, **others)


def system_of(root: RootMaker, name: str = "cp39-musl", **changes: Any) -> System:
    return System(make_target(name, **changes), root=str(root.folder), label="here")


def told(found: CheckedWheel) -> list[str]:
    """Write down the verdict and all codes, then each module."""
    (target,) = found.targets
    lines = [" ".join([target.verdict.value, *(each.code.id for each in found.all_findings)])]
    for each in target.modules:
        kind = None if each.outcome is None else each.outcome.kind.name
        lines.append(f"{each.path} {'found' if each.is_found else each.instead} {kind}")
    return lines


def refused(name: str, system: System) -> str:
    with pytest.raises(EnvironmentRefusedError) as caught:
        check_distribution(name, system)
    (finding,) = caught.value.findings
    return str(finding)


def test_what_is_installed(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    source = "import ctypes\nctypes.CDLL('libpython3.9.so.1.0')\n"
    install(root, {"p/m" + MUSL: ON_MUSL, "p/n" + GNU: extension_module("n"), "p/a.py": source})
    found = check_distribution("example", system_of(root))
    assert found.wheel == "example-1.0"
    assert told(found) == [
        "fails WF319 WF202",
        f"p/m{MUSL} found LOADS",
        f"p/n{GNU} None LOADS",
    ]
    assert found.targets[0].system == "here"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"m" + GNU: ON_MUSL}, ["warned WF104", f"m{GNU} None LOADS"]),
        ({"m" + GNU: ON_MUSL, "m.py": ""}, ["warned WF104 WF320", f"m{GNU} m.py LOADS"]),
        (
            {"m" + GNU: ON_MUSL, "m" + MUSL: ON_MUSL},
            ["imports", f"m{GNU} m{MUSL} LOADS", f"m{MUSL} found LOADS"],
        ),
        ({"m" + MUSL: b""}, ["fails WF315", f"m{MUSL} found WRONG_ELF"]),
        ({"m" + MUSL: ON_MUSL[:150]}, ["warned WF208"]),
        ({"m" + MUSL: BROKEN}, ["fails WF315", f"m{MUSL} found WRONG_ELF"]),
        ({"a.pth": "x-y\n", "x-y/m" + GNU: ON_MUSL}, ["warned WF104", f"x-y/m{GNU} None LOADS"]),
        ({"x-y/m" + GNU: ON_MUSL}, ["imports WF106"]),
        ({"p/b.pth": "x-y\n", "p/x-y/m" + GNU: ON_MUSL}, ["imports WF106"]),
        ({"p/__pycache__/m" + GNU: ON_MUSL}, ["imports"]),
        ({"a.py": "", "b.py": "x = 1", "c/d.txt": ""}, ["imports"]),
    ],
)
def test_nothing_is_renamed(
    tmp_path: Path, files: dict[str, bytes | str], expected: list[str]
) -> None:
    root = musl_root(tmp_path)
    install(root, files)
    assert told(check_distribution("example", system_of(root))) == expected


def test_its_own_libraries(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    module = shared_object(
        symbols=["PyInit_m"],
        needed=["libx.so"],
        runpath="$ORIGIN/../example.libs",
        undefined=["x"],
        relocations=[(6, "x")],
    )
    files: dict[str, bytes | str] = {"p/m" + MUSL: module}
    files["example.libs/libx.so"] = shared_object(symbols=["x"])
    info = install(root, files)
    assert told(check_distribution("example", system_of(root)))[0] == "imports"
    (info.parent / "example.libs/libx.so").unlink()
    # a root is looked at once
    system = replace(system_of(root), label="later")
    assert told(check_distribution("example", system))[0] == "fails WF301"


@pytest.mark.parametrize(
    ("installed", "asked"),
    [
        ("example", "Example"),
        ("Exa_mple", "exa-mple"),
        ("exa.mple", "EXA_MPLE"),
    ],
)
def test_other_spellings_of_the_name(tmp_path: Path, installed: str, asked: str) -> None:
    root = musl_root(tmp_path)
    install(root, {"m" + MUSL: ON_MUSL}, name=installed)
    assert check_distribution(asked, system_of(root)).wheel == f"{installed}-1.0"


def test_a_folder(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    install(root, {"m" + MUSL: ON_MUSL}, site="/srv/app")
    system = system_of(root)
    assert refused("example", system).startswith(f"WF514 example: it is not in {SITE}")
    found = check_distribution("example", replace(system, import_folder="/srv/app"))
    assert told(found) == ["imports", f"m{MUSL} found LOADS"]
    outcome = found.targets[0].modules[0].outcome
    assert outcome is not None
    assert outcome.loaded == (f"/srv/app/m{MUSL}",)


def test_platlib(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    platlib = "/usr/lib64/python3.9/site-packages"
    install(root, {"m" + MUSL: ON_MUSL}, site=platlib)
    system = system_of(root, paths={"purelib": SITE, "platlib": platlib})
    assert told(check_distribution("example", system))[0] == "imports"


def test_packages_of_debian(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    site = "/usr/lib/python3/dist-packages"
    install(root, {"m" + MUSL: ON_MUSL}, site=site)
    local = "/usr/local/lib/python3.9/dist-packages"
    system = system_of(root, paths={"purelib": local, "platlib": local})
    assert told(check_distribution("example", system))[0] == "imports"
    # a virtual environment doesn't see them, nor does one that has a folder
    venv = replace(system, target=replace(system.target, prefix="/srv/venv"))
    assert refused("example", venv).startswith(f"WF514 example: it is not in {local}")
    assert refused("example", replace(system, import_folder=local)).startswith("WF514")
    assert refused("other", system) == f"WF514 other: it is not in {local} nor {site}"


def test_what_setup_py_left(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    site = root.folder / SITE.lstrip("/")
    root.write(f"{SITE}/example-0.9-py3.9.egg-info/PKG-INFO", "Name: example\n")
    assert refused("example", system_of(root)).startswith(
        "WF526 example-0.9-py3.9: its RECORD can't be read: "
    )
    # a newer version has a RECORD
    install(root, {"m" + MUSL: ON_MUSL})
    assert check_distribution("example", system_of(root)).wheel == "example-1.0"
    assert (site / "example-0.9-py3.9.egg-info").exists()


def remove(name: str) -> Callable[[Path], None]:
    return lambda info: (info / name).unlink()


def write(name: str, content: bytes) -> Callable[[Path], None]:
    def spoil(info: Path) -> None:
        (info / name).write_bytes(content)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (remove("RECORD"), "its RECORD can't be read: No such file or directory"),
        (remove("WHEEL"), "its WHEEL can't be read: No such file or directory"),
        (write("RECORD", b"a,b\n"), "RECORD can't be read: Row Index 0"),
        (write("RECORD", b"a.py,shake_128=x,1\n"), "RECORD uses an unknown hash"),
        (write("WHEEL", b"Tag: nonsense\n"), "'nonsense'"),
        (write("WHEEL", b"Tag: " + b"a" * 300 + b"\n"), "a Tag in the WHEEL file is too long"),
        (write("WHEEL", b"Tag: \xff\xfe\n"), ""),
    ],
)
def test_nothing_tells_its_files(
    tmp_path: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    root = musl_root(tmp_path)
    spoil(install(root, {"m" + MUSL: ON_MUSL}))
    found = refused("example", system_of(root))
    assert found.startswith("WF526 example-1.0: ")
    assert sentence in found


def test_no_tag(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    install(root, {"m" + MUSL: ON_MUSL}, wheel="")
    assert told(check_distribution("example", system_of(root)))[0] == "imports"


def test_a_site_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    root.link(SITE, "site-packages")
    assert refused("example", system_of(root)).startswith(f"WF526 {SITE}: it can't be listed: ")


def test_files_that_are_missing(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    files: dict[str, bytes | str] = dict.fromkeys(
        ("p/m" + MUSL, "p/n" + MUSL, "p/libx.so", "p/o" + MUSL), ON_MUSL
    )
    info = install(root, {**files, "p/m.py": "", "q/__init__.py": "", "p/a.py": ""})
    site = info.parent
    for name in (*files, "p/m.py"):
        (site / name).unlink()
    # nor is anything there that can't be opened
    os.mkfifo(site / "p" / ("n" + MUSL))
    (site / "p" / ("o" + MUSL)).symlink_to("nowhere")
    found = check_distribution("example", system_of(root))
    missing = [each.subject for each in found.all_findings if each.code.id == "WF525"]
    assert missing == [f"p/{stem}{MUSL}" for stem in "mno"]
    assert (found.targets[0].verdict, found.targets[0].modules) == (Verdict.FAILS, ())


def test_source_that_is_missing_takes_no_place(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    info = install(root, {"m" + GNU: ON_MUSL, "m.py": ""})
    (info.parent / "m.py").unlink()
    found = check_distribution("example", system_of(root))
    assert told(found) == ["warned WF104", f"m{GNU} None LOADS"]


@pytest.mark.parametrize(
    "row",
    [
        f"../../../bin/m{GNU}",
        f"/usr/lib/m{GNU}",
        f"p/../../m{GNU}",
        f"example-1.0.dist-info/m{GNU}",
        f"__pycache__/m{GNU}",
    ],
)
def test_rows_of_other_folders(tmp_path: Path, row: str) -> None:
    root = musl_root(tmp_path)
    install(root, {"m" + MUSL: ON_MUSL}, more_rows=f"{row},,\n")
    found = check_distribution("example", system_of(root))
    assert told(found) == ["imports", f"m{MUSL} found LOADS"]


def test_a_file_that_is_a_link_outside_is_not_read(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    (tmp_path / "outside.so").write_bytes(ON_MUSL)
    info = install(root, {"m" + MUSL: ON_MUSL})
    (info.parent / ("m" + MUSL)).unlink()
    (info.parent / ("m" + MUSL)).symlink_to(tmp_path / "outside.so")
    assert told(check_distribution("example", system_of(root))) == ["fails WF525"]


def test_refusals_that_count_for_nothing(tmp_path: Path) -> None:
    root = musl_root(tmp_path)
    install(root, {"m" + MUSL: extension_module("m")})
    policy = Policy(allow=frozenset({"WF202"}))
    found = check_distribution("example", system_of(root), policy)
    assert [each.allowed for each in found.all_findings if each.code.id == "WF202"] == [True]
    assert found.targets[0].verdict is not Verdict.RENAMED


def test_a_profile_has_none() -> None:
    with pytest.raises(ValueError, match="no installed distributions"):
        check_distribution("example", System(make_target("cp39-musl")))
