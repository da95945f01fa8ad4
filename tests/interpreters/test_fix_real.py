"""What pip and uv have put into a musl environment is mended where it is, undone, and uninstalled by them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from support.installs import wheelfix
from support.musl_apps import GNU, MODULES, PSYCOPG_BINARY, RENAMED, MuslApp
from support.trees import tree

if TYPE_CHECKING:
    from pathlib import Path

    from support.interpreters import InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

INSTALLERS = ("pip", "uv hardlink", "uv symlink", "uv copy", "uv clone")
PSYCOPG = "psycopg-3.0.4-py3-none-any.whl"


def install(app: MuslApp, wheel: Path, installer: str) -> None:
    name, _, link_mode = installer.partition(" ")
    if name == "pip":
        app.install_by_pip(wheel)
    else:
        app.install_by_uv(wheel, link_mode)


@pytest.fixture
def empty(interpreter: InterpreterFactory, tmp_path: Path) -> MuslApp:
    folder = tmp_path.resolve()
    return MuslApp(folder / "app", folder / "home", interpreter("cp39-musl"))


@pytest.fixture(params=INSTALLERS)
def app(request: pytest.FixtureRequest, empty: MuslApp, wheel: WheelFactory) -> MuslApp:
    """A musl environment in which somebody else's installer has put the wheel of pip issue 10678."""
    install(empty, wheel(PSYCOPG_BINARY), request.param)
    return empty


def cached(app: MuslApp) -> dict[str, tuple[str, int, bytes]]:
    return tree(app.cache) if app.cache.exists() else {}


def file_times(app: MuslApp) -> dict[str, tuple[int, int]]:
    """Give inode and time of every file that isn't metadata."""
    found = {}
    for path in app.site.rglob("*"):
        if path.is_file() and ".dist-info" not in str(path):
            status = path.lstat()
            found[str(path)] = (status.st_ino, status.st_mtime_ns)
    return found


def test_the_installer_links_as_it_was_told_to(
    app: MuslApp, request: pytest.FixtureRequest
) -> None:
    """Or else the tests below would prove nothing."""
    how = request.node.callspec.params["app"]
    module = app.site / f"{MODULES[0]}{GNU}"
    assert os.path.islink(module) == (how == "uv symlink")
    # where a file system can't clone, uv links
    if how != "uv clone":
        assert (module.stat().st_nlink > 1) == (how == "uv hardlink")


def test_it_does_not_import_and_does_afterwards(app: MuslApp) -> None:
    assert app.found == {"_psycopg": "None", "pq": "None"}
    (distribution,) = app.fix()["distributions"]
    assert distribution["changed"] == RENAMED
    assert app.is_mended
    assert (app.site / "psycopg_binary-3.0.4.dist-info/wheelfix.json").is_file()


def test_the_installers_cache_stays_as_it_is(app: MuslApp) -> None:
    cache = cached(app)
    app.fix()
    assert cached(app) == cache
    app.fix("--undo")
    assert cached(app) == cache


def test_twice_is_once(app: MuslApp) -> None:
    app.fix()
    before = tree(app.folder)
    assert app.fix()["distributions"] == []
    assert tree(app.folder) == before


def test_undo_gives_the_tree_back_byte_for_byte(app: MuslApp) -> None:
    before, times = tree(app.folder), file_times(app)
    app.fix()
    assert tree(app.folder) != before
    app.fix("--undo")
    assert tree(app.folder) == before
    assert file_times(app) == times


def test_a_dry_run_changes_nothing(app: MuslApp) -> None:
    before = tree(app.folder)
    (distribution,) = app.fix("--dry-run")["distributions"]
    assert distribution["changed"] == RENAMED
    assert tree(app.folder) == before


@pytest.mark.parametrize("by", ["pip", "uv"])
def test_whoever_uninstalls_it_leaves_nothing_behind(app: MuslApp, by: str) -> None:
    cache = cached(app)
    app.fix()
    assert app.is_mended  # which may write bytecode
    app.uninstall("psycopg-binary", by=by)
    assert app.left == set()
    assert {path: row for path, row in cached(app).items() if path in cache} == cache


def test_whoever_installs_it_again_has_it_as_it_was(
    app: MuslApp, request: pytest.FixtureRequest, wheel: WheelFactory
) -> None:
    before = app.left
    app.fix()
    installer = request.node.callspec.params["app"]
    app.uninstall("psycopg-binary", by=installer.partition(" ")[0])
    install(app, wheel(PSYCOPG_BINARY), installer)
    assert app.left == before
    assert app.fix()["distributions"][0]["changed"] == RENAMED


def test_verify_before_and_afterwards(app: MuslApp) -> None:
    status, report = app.verify()
    assert (status, report["outcome"]) == (1, "unsound")
    (distribution,) = report["distributions"]
    assert [(each["code"], each["subject"]) for each in distribution["findings"]] == [
        ("WF620", f"{module}{GNU}") for module in MODULES
    ]
    app.fix()
    status, report = app.verify("psycopg-binary")
    assert (status, report["outcome"]) == (0, "sound")
    assert [each["findings"] for each in report["distributions"]] == [[]]


def test_only_what_is_named_is_mended(empty: MuslApp, wheel: WheelFactory) -> None:
    app = empty
    app.install_by_pip(wheel(PSYCOPG_BINARY))
    app.install_by_pip(wheel(PSYCOPG))
    assert app.fix("psycopg")["distributions"] == []
    assert not app.is_mended
    done = wheelfix("fix", "--python", app.python.executable, "psycopg-binary")
    assert (done.returncode, done.stderr) == (0, "")
    first, name, *changes = done.stdout.splitlines()
    assert re.fullmatch(
        r"environment: \S+/app \(cpython 3\.9\.\d+ musl\), named by --python", first
    )
    assert name == "psycopg_binary 3.0.4: 2 modules mended"
    assert len(changes) == 2
    # with psycopg there is no need for what stands in for it
    assert app.python.run("import psycopg; print(psycopg.pq.__impl__)") == "binary"
