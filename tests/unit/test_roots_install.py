"""``wheelfix install --root`` and ``--target-info``: into a root file system whose interpreter is never run."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from support.elf_maker import X86_64, extension_module
from support.root_maker import RootMaker
from support.target_maker import make_target
from support.trees import names, tree
from support.wheel_maker import make_wheel
from wheelfix import _bytecode
from wheelfix.cli import main
from wheelfix.targets.pep668 import externally_managed
from wheelfix.targets.roots import read_root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INFO = "example-1.0.dist-info"
SITE = "usr/lib/python3.9/site-packages"


@pytest.fixture
def maker(tmp_path: Path) -> RootMaker:
    """Make an Alpine 3.14, with links as there."""
    return RootMaker(tmp_path / "root").make()


@pytest.fixture
def install(tmp_path: Path, maker: RootMaker) -> Callable[..., int]:
    """Give what installs a wheel with a module, a script and data into the root."""
    wheel = make_wheel(
        tmp_path,
        {
            "pkg/__init__.py": "def main(): pass\n",
            "pkg/_m.cpython-39-x86_64-linux-gnu.so": extension_module("_m", X86_64, libc="musl"),
            "example-1.0.data/data/share/x": "x",
            "example-1.0.data/scripts/tool": "#!python\nprint('tool')\n",
            f"{INFO}/entry_points.txt": "[console_scripts]\nmain = pkg:main\n",
        },
        tags="cp39-cp39-musllinux_1_1_x86_64",
    )

    def call(*arguments: str, root: bool = True) -> int:
        options = ["--root", str(maker.folder)] if root else []
        return main(["install", *options, *arguments, str(wheel)])

    return call


def record(maker: RootMaker, site: str = SITE) -> list[str]:
    with (maker.folder / site / INFO / "RECORD").open(newline="") as stream:
        return [row[0] for row in csv.reader(stream)]


def test_everything_is_as_the_target_will_see_it(
    maker: RootMaker, install: Callable[..., int]
) -> None:
    assert install() == 0
    files = names(tree(maker.folder))
    assert f"{SITE}/pkg/_m.cpython-39-x86_64-linux-musl.so" in files
    for script in ("tool", "main"):
        text = (maker.folder / "usr/bin" / script).read_text()
        assert text.startswith("#!/usr/bin/python3\n")
    assert (maker.folder / "usr/share/x").read_text() == "x"
    assert "../../../bin/main" in record(maker)
    assert not any(str(maker.folder) in row for row in record(maker))


def test_shebangs_name_the_chosen_interpreter(
    maker: RootMaker, install: Callable[..., int]
) -> None:
    maker.link("/srv/bin/python", "/usr/bin/python3")
    maker.write("/srv/pyvenv.cfg", "home = /usr/bin\n")
    assert install("--python", "/srv") == 0
    assert (maker.folder / "srv/bin/main").read_text().startswith("#!/srv/bin/python\n")
    assert install("--python", "/usr/bin/python3.9", "--interpreter", "/own") == 0
    assert (maker.folder / "usr/bin/main").read_text().startswith("#!/own\n")


def test_bytecode_is_made_only_by_an_interpreter_of_that_magic_number(
    maker: RootMaker, install: Callable[..., int], tmp_path: Path
) -> None:
    maker.write(
        f"{maker.stdlib}/importlib/_bootstrap_external.py", "MAGIC_NUMBER = (1234).to_bytes"
    )
    report = tmp_path / "report.json"
    assert install("--report", str(report)) == 0
    assert not any(name.endswith(".pyc") for name in names(tree(maker.folder)))
    findings = json.loads(report.read_text())["wheels"][0]["findings"]
    assert "WF519" in [finding["code"] for finding in findings]


def test_bytecode_of_the_running_interpreters_kind(tmp_path: Path) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    maker = RootMaker(tmp_path / "root", version=version).make()
    number = int.from_bytes(_bytecode.MAGIC_NUMBER[:2], "little")
    source = f"MAGIC_NUMBER = ({number}).to_bytes(2, 'little')\n"
    maker.write(f"{maker.stdlib}/importlib/_bootstrap_external.py", source)
    wheel = make_wheel(tmp_path, {"pkg/__init__.py": "x = 1\n"})
    assert main(["install", "--root", str(maker.folder), str(wheel)]) == 0
    cached = f"pkg/__pycache__/__init__.{sys.implementation.cache_tag}.pyc"
    site = f"{maker.stdlib[1:]}/site-packages"
    assert cached in record(maker, site)
    content = (maker.folder / site / cached).read_bytes()
    assert f"{maker.stdlib}/site-packages/pkg/__init__.py".encode() in content
    assert str(tmp_path).encode() not in content


@pytest.mark.parametrize(
    ("place", "target", "real"),
    [
        ("/usr/lib/python3.9/site-packages", "/data/packages", "data/packages"),
        ("/usr/lib/python3.9/site-packages", "../../../../../../data", "data"),
        ("/usr/share", "/data", "data"),
    ],
)
def test_links_are_followed_inside_the_root(
    maker: RootMaker, install: Callable[..., int], place: str, target: str, real: str
) -> None:
    (maker.folder / "data/packages").mkdir(parents=True)
    maker.link(place, target)
    status = install()
    if place == "/usr/share":
        # a link below a scheme's folder is not followed, as everywhere
        assert status == 1
    else:
        assert status == 0
        assert f"{real}/pkg/__init__.py" in names(tree(maker.folder))


def test_links_never_lead_out(
    maker: RootMaker, install: Callable[..., int], tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    maker.link(f"/{SITE}", str(outside))
    assert install() == 0
    assert names(tree(outside)) == set()
    inside = maker.folder / str(outside).lstrip("/")
    assert (inside / "pkg/__init__.py").is_file()


def test_links_in_a_circle_are_refused(
    maker: RootMaker, install: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    maker.link(f"/{SITE}", "site-packages")
    assert install() == 1
    assert "WF506" in capsys.readouterr().err


def test_the_marker_of_another_package_manager_is_asked_for_in_the_root(
    maker: RootMaker, install: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    marker = f"{maker.stdlib}/EXTERNALLY-MANAGED"
    maker.write(marker, "[externally-managed]\nError=by apk\n")
    assert install() == 1
    assert "WF504" in capsys.readouterr().err
    assert install("--allow", "WF504") == 0


def test_a_marker_that_cannot_be_reached_is_none(maker: RootMaker) -> None:
    target = read_root(str(maker.folder))
    maker.link(f"{maker.stdlib}/EXTERNALLY-MANAGED", "EXTERNALLY-MANAGED")
    assert externally_managed(target, str(maker.folder)) is None


def test_with_destdir_the_root_is_only_read(
    maker: RootMaker, install: Callable[..., int], tmp_path: Path
) -> None:
    before = names(tree(maker.folder))
    assert install("--destdir", str(tmp_path / "out")) == 0
    assert names(tree(maker.folder)) == before
    assert (tmp_path / "out" / SITE / "pkg/__init__.py").is_file()


def test_an_upgrade_spares_the_interpreter(maker: RootMaker, install: Callable[..., int]) -> None:
    assert install() == 0
    path = maker.folder / SITE / INFO / "RECORD"
    path.write_text(path.read_text() + "../../../bin/python3.9,,\n../../os.py,,\n")
    assert install("--upgrade") == 0
    assert maker.path(maker.executable).is_file()
    assert maker.path(f"{maker.stdlib}/os.py").is_file()


def test_a_saved_target_needs_a_place(
    install: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "target.json"
    target = replace(make_target("cp39-musl"), executable="/opt/python/bin/python3")
    path.write_text(json.dumps(target.to_json()))
    with pytest.raises(SystemExit):
        install("--target-info", str(path), root=False)
    assert "--target-info needs a place: " in capsys.readouterr().err
    app = tmp_path / "app"
    assert install("--target-info", str(path), "--target", str(app), root=False) == 0
    assert (app / "pkg/_m.cpython-39-x86_64-linux-musl.so").is_file()
    assert (app / "bin/main").read_text().startswith("#!/opt/python/bin/python3\n")
