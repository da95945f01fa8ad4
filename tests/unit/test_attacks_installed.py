"""What becomes of an environment that somebody has prepared: the tables, and that it is so."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from support.attack_wheels import DATA, INFO, brings, script, typed, wheel
from support.attacked import LIBRARY, SITE, Place
from support.installed_maker import hashed, make_installed, make_place
from support.wheel_maker import make_wheel
from wheelfix.errors import WheelRefusedError
from wheelfix.installing import install_wheels
from wheelfix.layout import InstallOptions
from wheelfix.planning import Policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typing_extensions import TypeAlias

    from support.attack_wheels import Maker

    Preparation: TypeAlias = Callable[[Place], object]

NEVER: list[str] = []
OVERWRITE = ["--overwrite-existing"]


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    return Place(tmp_path, capsys)


def link(path: str, to: str) -> Preparation:
    """Have a symbolic link in the environment; "{outside}" is the folder beside it."""

    def prepare(place: Place) -> None:
        where = place.env / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.symlink_to(to.format(outside=place.outside))

    return prepare


def hard_link(path: str) -> Preparation:
    """Have a file in the environment that is also the victim outside."""
    return lambda place: os.link(place.outside / "victim", place.env / path)


def staging(mode: int = 0o700, **files: str) -> Preparation:
    """Have a folder in site-packages that looks as a call at work would have left it."""

    def prepare(place: Place) -> None:
        folder = place.site / ".wheelfix"
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, "ascii")
        folder.chmod(mode)

    return prepare


def folder(path: str) -> Preparation:
    return lambda place: (place.env / path).mkdir(parents=True)


#: what lies in the environment, the wheel, the code that refuses it, and what lets it through
PREPARED: list[tuple[str, Preparation, Maker, str, list[str]]] = [
    ("a linked package", link(f"{SITE}/h", "{outside}"), brings("h/x"), "WF506", NEVER),
    ("a linked folder", link(f"{SITE}/h/i", "{outside}"), brings("h/i/x"), "WF506", NEVER),
    ("a link to nothing", link(f"{SITE}/h", "nowhere"), brings("h/x"), "WF506", NEVER),
    ("a link to itself", link(f"{SITE}/h", "h"), brings("h/x"), "WF506", NEVER),
    ("a linked dist-info", link(f"{SITE}/{INFO}", "{outside}"), wheel(), "WF506", NEVER),
    (
        "a linked data folder",
        link("share", "{outside}"),
        brings(f"{DATA}/data/share/x"),
        "WF506",
        NEVER,
    ),
    ("a linked file", link(f"{SITE}/x", "{outside}/victim"), brings("x"), "WF505", OVERWRITE),
    ("a linked script", link("bin/x", "{outside}/victim"), script("x"), "WF505", OVERWRITE),
    (
        "a file linked to nothing",
        link(f"{SITE}/x", "{outside}/new"),
        brings("x"),
        "WF505",
        OVERWRITE,
    ),
    ("a hard link", hard_link(f"{SITE}/x"), brings("x"), "WF505", OVERWRITE),
    ("a folder where a file belongs", folder(f"{SITE}/x"), brings("x"), "WF506", NEVER),
    ("a folder for RECORD", folder(f"{SITE}/{INFO}/RECORD"), wheel(), "WF506", NEVER),
    # --- what only a call of this user can have left
    ("a staging folder that others can read", staging(0o755), wheel(), "WF512", NEVER),
    ("a staging folder with a file of no call", staging(evil="x"), wheel(), "WF512", NEVER),
    ("a journal that can't be read", staging(journal="hello"), wheel(), "WF512", NEVER),
    ("a linked staging folder", link(f"{SITE}/.wheelfix", "{outside}"), wheel(), "WF512", NEVER),
    (
        "a file as staging folder",
        link(f"{SITE}/.wheelfix", "{outside}/victim"),
        wheel(),
        "WF512",
        NEVER,
    ),
]


@pytest.mark.parametrize(
    ("prepare", "make", "code", "keys"),
    [row[1:] for row in PREPARED],
    ids=[row[0] for row in PREPARED],
)
def test_what_lies_in_the_way_is_refused_and_left_alone(
    prepare: Preparation, make: Maker, code: str, keys: list[str], place: Place
) -> None:
    prepare(place)
    place.note_state()
    answer = place.install(make)
    assert (answer.status, answer.codes) == (1, [code])
    place.assert_untouched()
    # and it isn't followed either where it may be replaced
    answer = place.install(make, *OVERWRITE)
    assert answer.status == (0 if keys else 1)
    if keys:
        place.assert_record_is_right(overwriting=True)
    else:
        place.assert_untouched()


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away"
)
@pytest.mark.parametrize("journal", ["{}", ""])
def test_a_staging_folder_of_another_user_is_refused(journal: str, place: Place) -> None:
    staging(journal=journal)(place)
    os.chown(place.site / ".wheelfix", 12345, 12345)
    place.note_state()
    answer = place.install(wheel())
    assert (answer.status, answer.codes) == (1, ["WF512"])
    place.assert_untouched()


# --- installed distributions whose metadata lies

VICTIM = hashed("outside/victim\n")
PYTHON = hashed("env/bin/python3\n")
SETTINGS = hashed("env/pyvenv.cfg\n")
OS = hashed(f"env/{LIBRARY}/os.py\n")
LIBPYTHON = hashed("env/lib/libpython3.so\n")
NEIGHBOUR = hashed("x = 2\n")
#: of a folder, or where RECORD gives none
NOTHING = ("", "")

#: what RECORD of the installed version lists, with the right hash and size
ROWS: list[tuple[str, str, tuple[str, str]]] = [
    ("a file outside", "../../../../outside/victim", VICTIM),
    ("a file outside behind a folder", "example/../../../../../outside/victim", VICTIM),
    ("a file outside with backslashes", r"..\..\..\..\outside\victim", VICTIM),
    ("an absolute path", "{outside}/victim", VICTIM),
    ("an absolute path with a parent folder", "{site}/../../../../outside/victim", VICTIM),
    ("a file of the machine", "/etc/passwd", NOTHING),
    ("the interpreter", "../../../bin/python3", PYTHON),
    ("the interpreter by its link", "../../../bin/python", PYTHON),
    ("the interpreter by an absolute path", "{env}/bin/python3", PYTHON),
    ("the environment's settings", "../../../pyvenv.cfg", SETTINGS),
    ("the standard library", "../os.py", OS),
    ("the standard library by a detour", "example/../../os.py", OS),
    ("the interpreter's library", "../../libpython3.so", LIBPYTHON),
    ("a neighbour's module", "neighbour/__init__.py", NEIGHBOUR),
    ("a neighbour's module by a detour", "h/../neighbour/__init__.py", NEIGHBOUR),
    ("a neighbour's module by an absolute path", "{site}/neighbour/__init__.py", NEIGHBOUR),
    ("a neighbour's RECORD", "neighbour-1.0.dist-info/RECORD", NOTHING),
    ("a neighbour's METADATA", "neighbour-1.0.dist-info/METADATA", NEIGHBOUR),
    ("site-packages", "../site-packages", NOTHING),
    ("a folder of a neighbour", "neighbour", NOTHING),
    ("the folder of the scripts", "../../../bin", NOTHING),
    ("the environment", "../../..", NOTHING),
    ("the folder around the environment", "../../../..", NOTHING),
    ("a file behind a link", "link/victim", VICTIM),
    ("a file without a hash", "kept.py", NOTHING),
    ("a file with another hash", "kept.py", VICTIM),
    ("a file with a weak hash", "kept.py", ("md5=x", "5")),
]


def lying(place: Place, row: str, told: tuple[str, str], name: str = "example") -> None:
    """Have an old version installed whose RECORD has a row more."""
    (place.site / "link").symlink_to(place.outside)
    (place.site / "kept.py").write_text("kept\n", "ascii")
    place.note_state()
    path = row.format(outside=place.outside, site=place.site, env=place.env)
    make_installed(
        place.site,
        {"old.py": "old\n"},
        name=name,
        version="0.9",
        more_rows=f"{path},{told[0]},{told[1]}\n",
        installer="wheelfix",
    )


rows = pytest.mark.parametrize(
    ("row", "told"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)


@rows
def test_a_row_is_not_obeyed_by_uninstall(row: str, told: tuple[str, str], place: Place) -> None:
    lying(place, row, told)
    answer = place.call("uninstall", "--prefix", str(place.env), "example")
    assert (answer.status, answer.codes) == (0, ["WF516"])
    place.assert_untouched()


@rows
def test_a_row_is_not_obeyed_by_upgrade(row: str, told: tuple[str, str], place: Place) -> None:
    lying(place, row, told)
    answer = place.install(wheel(), "--upgrade")
    assert (answer.status, answer.codes) == (0, ["WF516"])
    assert not (place.site / "old.py").exists()
    place.assert_record_is_right()


#: how the metadata of an installed distribution lies, and what makes it
REFUSED_REMOVALS: list[tuple[str, Preparation]] = [
    ("no RECORD", lambda place: (place.site / "example-0.9.dist-info/RECORD").unlink()),
    ("an empty RECORD", lambda place: (place.site / "example-0.9.dist-info/RECORD").write_text("")),
    (
        "a RECORD that is none",
        lambda place: (place.site / "example-0.9.dist-info/RECORD").write_text("a\n"),
    ),
    (
        "an INSTALLER of the system",
        lambda place: (place.site / "example-0.9.dist-info/INSTALLER").write_text("dpkg"),
    ),
    ("a linked dist-info", lambda place: move_outside(place, "example-0.9.dist-info")),
]


def move_outside(place: Place, name: str) -> None:
    (place.site / name).rename(place.outside / name)
    (place.site / name).symlink_to(place.outside / name)


@pytest.mark.parametrize(
    "prepare", [row[1] for row in REFUSED_REMOVALS], ids=[row[0] for row in REFUSED_REMOVALS]
)
def test_what_cannot_be_trusted_is_not_removed(prepare: Preparation, place: Place) -> None:
    make_installed(place.site, {"old.py": "old\n"}, version="0.9")
    prepare(place)
    place.note_state()
    uninstalled = place.call("uninstall", "--prefix", str(place.env), "example")
    upgraded = place.install(wheel(), "--upgrade")
    for answer in (uninstalled, upgraded):
        assert (answer.status, answer.codes) == (1, ["WF515"])
    place.assert_untouched()


#: files of dist-info that claim something, which nobody heeds
FORGED = {
    "INSTALLER": "wheelfix\n",
    "REQUESTED": "",
    "direct_url.json": '{"url": "file:///etc", "dir_info": {"editable": true}}',
    "wheelfix.json": '{"files": ["../../../../outside/victim"], "undo": "/etc/passwd"}',
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_metadata_is_not_obeyed(name: str, place: Place) -> None:
    files = {"old.py": "old\n", f"example-0.9.dist-info/{name}": FORGED[name]}
    make_installed(place.site, files, version="0.9", installer=None)
    answer = place.call("uninstall", "--prefix", str(place.env), "example")
    assert (answer.status, answer.codes) == (0, [])
    place.assert_untouched()


# --- modes, launchers, settings of the machine


@pytest.mark.parametrize(
    ("make", "path", "mode"),
    [
        (typed("h", 0o106755), f"{SITE}/h", 0o755),
        (typed("h", 0o102755), f"{SITE}/h", 0o755),
        (typed("h", 0o101777), f"{SITE}/h", 0o755),
        (typed("h", 0o100666), f"{SITE}/h", 0o644),
        (typed("h", 0o100000), f"{SITE}/h", 0o644),
        (typed(f"{DATA}/scripts/h", 0o100644), "bin/h", 0o755),
    ],
)
def test_no_mode_is_taken_but_whether_it_can_be_run(
    make: Maker, path: str, mode: int, place: Place
) -> None:
    umask = os.umask(0o022)
    try:
        assert place.install(make).status == 0
    finally:
        os.umask(umask)
    assert stat.S_IMODE((place.env / path).stat().st_mode) == mode


@pytest.mark.parametrize("name", ["with space", "n" * 200])
def test_a_path_that_no_first_line_can_hold(name: str, tmp_path: Path) -> None:
    made = make_wheel(
        tmp_path, {"example.py": ""}, entry_points="[console_scripts]\nx = example:y\n"
    )
    root = tmp_path / name
    install_wheels([made], [make_place(root)], None, InstallOptions(bytecode_levels=()))
    lines = (root / "bin/x").read_text("utf-8").splitlines()
    assert lines[:2] == ["#!/bin/sh", f"'''exec' {quoted(str(root / 'bin/python'))} \"$0\" \"$@\""]


def quoted(path: str) -> str:
    return f"'{path}'" if " " in path else path


def test_a_module_of_the_standard_library(place: Place) -> None:
    made = brings(f"{DATA}/data/lib/python3.9/abc.py")(place.folder / "wheels")
    target, options = make_place(place.env), InstallOptions(bytecode_levels=())
    with pytest.raises(WheelRefusedError) as caught:
        install_wheels([made], [target], None, options)
    assert [finding.code.id for finding in caught.value.findings] == ["WF427"]
    place.assert_untouched()
    install_wheels([made], [target], Policy(allow=frozenset({"WF427"})), options)
    new, changed = place.changes()
    assert "lib/python3.9/abc.py" in new
    assert not changed
