"""Given what lies in an environment: which names change in it, and that nothing else does."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from support.elf_maker import extension_module
from support.environment_maker import (
    GNU,
    MODULE,
    MUSL,
    MendablePlace,
    install_misnamed,
    wheel_text,
)
from support.installed_maker import hashed, make_installed
from support.target_maker import make_target
from support.trees import tree
from wheelfix import codes
from wheelfix.environments import fix_environment
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.layout import InstallOptions
from wheelfix.planning import Action, Policy, Repair
from wheelfix.removing import uninstall

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wheelfix.codes import Code
    from wheelfix.environments import FixedEnvironment

MISNAMED, RIGHT = f"pkg/fast{MUSL}", f"pkg/fast{GNU}"
INFO = "example-1.0.dist-info"


@pytest.fixture
def place(tmp_path: Path) -> MendablePlace:
    return MendablePlace(tmp_path)


def record_of(place: MendablePlace, info: str = INFO) -> list[list[str]]:
    with (place.site / info / "RECORD").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def codes_of(fixed: FixedEnvironment) -> set[Code]:
    return {finding.code for finding in fixed.all_findings}


def test_a_module_gets_the_name_that_is_looked_for(place: MendablePlace) -> None:
    info = install_misnamed(place.site)
    before = tree(place.site)
    rows = record_of(place)
    inode = (place.site / MISNAMED).stat().st_ino
    fixed = fix_environment(place.target)
    after = tree(place.site)
    assert before.keys() - after.keys() == {MISNAMED}
    assert after.keys() - before.keys() == {RIGHT, f"{INFO}/wheelfix.json"}
    assert after[RIGHT] == before[MISNAMED]
    assert (place.site / RIGHT).stat().st_ino == inode
    changed = {path for path in before.keys() & after.keys() if before[path] != after[path]}
    assert changed == {f"{INFO}/RECORD"}
    notes = (info / "wheelfix.json").read_bytes()
    expected = [[row[0].replace(MISNAMED, RIGHT), *row[1:]] for row in rows]
    expected.insert(-1, [f"{INFO}/wheelfix.json", *hashed(notes)])
    assert record_of(place) == expected
    assert json.loads(notes) == {
        "schema": 1,
        "changed": [
            {
                "action": "rename",
                "from": MISNAMED,
                "to": RIGHT,
                "hash": hashed(MODULE)[0],
                "by": "fix",
            }
        ],
        "allowed": [],
    }
    assert [(each.name, each.version) for each in fixed.changed] == [("example", "1.0")]
    assert codes_of(fixed) == {codes.RENAMED}
    assert fixed.is_mended
    assert fixed.sites == (str(place.site),)


def test_twice_is_once(place: MendablePlace) -> None:
    install_misnamed(place.site)
    fix_environment(place.target)
    once = tree(place.root)
    fixed = fix_environment(place.target)
    assert fixed.distributions == ()
    assert tree(place.root) == once


def test_a_dry_run_changes_nothing(place: MendablePlace) -> None:
    install_misnamed(place.site)
    before = tree(place.root)
    planned = fix_environment(place.target, dry_run=True)
    assert tree(place.root) == before
    assert planned == fix_environment(place.target)


def test_undo_gives_the_tree_back(place: MendablePlace) -> None:
    install_misnamed(place.site)
    install_misnamed(place.site, {f"other{MUSL}": extension_module("other")}, name="other")
    before = tree(place.root)
    fixed = fix_environment(place.target)
    undone = fix_environment(place.target, undo=True)
    assert tree(place.root) == before
    assert [each.changes for each in undone.changed] == [each.changes for each in fixed.changed]
    assert undone.all_findings == ()
    assert fix_environment(place.target, undo=True).distributions == ()


def test_only_those_named(place: MendablePlace) -> None:
    install_misnamed(place.site)
    install_misnamed(place.site, {f"other{MUSL}": extension_module("other")}, name="other_one")
    fixed = fix_environment(place.target, ["Other.One"])
    assert [each.name for each in fixed.changed] == ["other_one"]
    assert (place.site / MISNAMED).is_file()
    undone = fix_environment(place.target, ["example"], undo=True)
    assert undone.distributions == ()


def test_a_name_that_is_not_installed(place: MendablePlace) -> None:
    install_misnamed(place.site)
    before = tree(place.root)
    with pytest.raises(EnvironmentRefusedError) as caught:
        fix_environment(place.target, ["example", "absent", "Other"])
    assert [(each.code, each.subject) for each in caught.value.findings] == [
        (codes.NAME_NOT_INSTALLED, "absent"),
        (codes.NAME_NOT_INSTALLED, "Other"),
    ]
    assert tree(place.root) == before


@pytest.mark.parametrize(
    ("end", "last"), [("\n", "\n"), ("\r\n", "\r\n"), ("\n", ""), ("\r\n", "")]
)
@pytest.mark.parametrize("order", ["as written", "reversed"])
def test_rows_that_do_not_change_keep_their_text(
    place: MendablePlace, end: str, last: str, order: str
) -> None:
    info = install_misnamed(place.site)
    text = (info / "RECORD").read_text("ascii") + '"pkg/a, b.txt",,\npkg\\back.txt,,\n'
    lines = [f'"{MISNAMED}",,' if MISNAMED in line else line for line in text.splitlines()]
    if order == "reversed":
        lines.reverse()
    (info / "RECORD").write_bytes((end.join(lines) + last).encode())
    (info / "RECORD").chmod(0o640)
    before = tree(place.root)
    fix_environment(place.target)
    rows = (info / "RECORD").read_bytes().decode().split(end)
    assert [row for row in rows if "wheelfix.json" not in row] == [
        line.replace(MUSL, GNU) for line in [*lines, *([""] if last else [])]
    ]
    assert (info / "RECORD").stat().st_mode & 0o777 == 0o640
    fix_environment(place.target, undo=True)
    assert tree(place.root) == before


def test_a_record_that_does_not_list_itself(place: MendablePlace) -> None:
    info = install_misnamed(place.site, rows={f"{INFO}/RECORD": None})
    before = tree(place.root)
    fix_environment(place.target)
    assert record_of(place)[0][0] == f"{INFO}/wheelfix.json"
    fix_environment(place.target, undo=True)
    assert tree(place.root) == before
    assert info.is_dir()


def test_a_path_over_two_lines_and_one_with_another_line_end(place: MendablePlace) -> None:
    odd = {"pkg/two\nlines.txt": "", "pkg/one\u2028line.txt": ""}
    install_misnamed(place.site, {MISNAMED: MODULE, **odd})
    before = tree(place.root)
    fix_environment(place.target)
    assert {row[0] for row in record_of(place)} >= {*odd, RIGHT}
    fix_environment(place.target, undo=True)
    assert tree(place.root) == before


# duplicates


DUPLICATED: Mapping[str, bytes] = {
    # opened by ctypes, no module
    f"pkg/lib{MUSL}": extension_module("another"),
}


@pytest.mark.parametrize("last", ["\n", ""])
def test_a_file_that_is_no_proven_module_keeps_its_name_as_well(
    place: MendablePlace, last: str
) -> None:
    info = install_misnamed(place.site, DUPLICATED)
    lines = (info / "RECORD").read_text("ascii").splitlines()
    lines.reverse()
    (info / "RECORD").write_bytes(("\n".join(lines) + last).encode())
    before = tree(place.root)
    fixed = fix_environment(place.target)
    (change,) = fixed.changed[0].changes
    assert change == (Action.DUPLICATE, f"pkg/lib{MUSL}", f"pkg/lib{GNU}")
    paths = [row[0] for row in record_of(place)]
    place_of_old = paths.index(f"pkg/lib{MUSL}")
    assert paths[place_of_old + 1] == f"pkg/lib{GNU}"
    first, second = record_of(place)[place_of_old : place_of_old + 2]
    assert first[1:] == second[1:] == [*hashed(DUPLICATED[f"pkg/lib{MUSL}"])]
    assert (place.site / f"pkg/lib{GNU}").samefile(place.site / f"pkg/lib{MUSL}")
    assert fix_environment(place.target).distributions == ()
    fix_environment(place.target, undo=True)
    assert tree(place.root) == before


@pytest.mark.parametrize(
    ("repair", "kept"), [(Repair.AUTO, False), (Repair.RENAME, False), (Repair.DUPLICATE, True)]
)
def test_the_policy_chooses(place: MendablePlace, repair: Repair, kept: bool) -> None:  # noqa: FBT001 - one column of the table
    install_misnamed(place.site)
    fix_environment(place.target, policy=Policy(repair))
    assert (place.site / MISNAMED).is_file() is kept
    assert (place.site / RIGHT).is_file()


# what is not mended


def refused_module() -> bytes:
    return extension_module("fast", libc="musl")


def test_a_module_of_another_libc_is_reported_and_the_others_are_mended(
    place: MendablePlace,
) -> None:
    install_misnamed(
        place.site, {MISNAMED: refused_module(), f"good{MUSL}": extension_module("good")}
    )
    fixed = fix_environment(place.target)
    assert (place.site / MISNAMED).is_file()
    assert (place.site / f"good{GNU}").is_file()
    assert codes_of(fixed) == {codes.WRONG_LIBC, codes.RENAMED}
    assert not fixed.is_mended


def test_a_refusal_that_is_let_through_is_noted(place: MendablePlace) -> None:
    info = install_misnamed(
        place.site,
        {
            f"pkg/fast{MUSL}": refused_module(),
            f"good{MUSL}": extension_module("good"),
        },
    )
    before = tree(place.root)
    fixed = fix_environment(place.target, policy=Policy(allow=frozenset({"WF202"})))
    assert fixed.is_mended
    notes = json.loads((info / "wheelfix.json").read_bytes())
    assert notes["allowed"] == [{"code": "WF202", "subject": MISNAMED, "by": "fix"}]
    fix_environment(place.target, undo=True)
    assert tree(place.root) == before


@pytest.mark.parametrize(
    ("files", "mended"),
    [
        pytest.param({f"pkg/fast{GNU}": MODULE}, False, id="its name loads"),
        pytest.param({"pkg/fast.abi3.so": MODULE, "pkg/lib.so.1": MODULE}, False, id="others load"),
        pytest.param(
            {f"pkg/fast{GNU}": MODULE, "pkg/fast.cpython-310-x86_64-linux-gnu.so": MODULE},
            False,
            id="one for each Python",
        ),
        pytest.param({"pkg/fast.pyd": "MZ", "pkg/fast.dylib": ""}, False, id="other systems"),
        pytest.param({"../fast" + MUSL: MODULE}, False, id="outside"),
        pytest.param({f"pkg/fast{MUSL}": "text"}, False, id="no machine code"),
        pytest.param({f"pkg/fast{MUSL}": MODULE}, True, id="misnamed"),
    ],
)
def test_what_is_looked_at(
    place: MendablePlace,
    files: Mapping[str, bytes | str],
    mended: bool,  # noqa: FBT001 - one column of the table
) -> None:
    install_misnamed(place.site, files)
    before = tree(place.root)
    fixed = fix_environment(place.target)
    assert bool(fixed.changed) is mended
    assert (tree(place.root) != before) is mended
    assert fixed.is_mended


def test_a_name_that_somebody_else_has_taken(place: MendablePlace) -> None:
    install_misnamed(place.site)
    (place.site / RIGHT).write_bytes(b"another")
    before = tree(place.root)
    fixed = fix_environment(place.target)
    assert codes_of(fixed) == {codes.INSTALLED_NAME_IS_TAKEN}
    assert not fixed.is_mended
    (place.site / RIGHT).unlink()
    (place.site / RIGHT).mkdir()
    assert codes_of(fix_environment(place.target)) == {codes.INSTALLED_NAME_IS_TAKEN}
    (place.site / RIGHT).rmdir()
    (place.site / RIGHT).write_bytes(b"another")
    assert tree(place.root) == before


def test_a_name_that_somebody_has_given_by_hand(place: MendablePlace) -> None:
    install_misnamed(place.site)
    (place.site / RIGHT).write_bytes(MODULE)
    before = tree(place.root)
    fixed = fix_environment(place.target)
    assert fixed.is_mended
    assert fixed.changed == ()
    assert tree(place.root) == before


def test_a_module_of_two_distributions(place: MendablePlace) -> None:
    install_misnamed(place.site)
    install_misnamed(place.site, name="twin")
    # it only speaks of it
    make_installed(place.site, {"third.py": ""}, name="third", more_rows=f"x.{MISNAMED}.x,,\n")
    before = tree(place.root)
    fixed = fix_environment(place.target)
    assert {each.sentence for each in fixed.all_findings} == {
        "twin 1.0 lists it as well",
        "example 1.0 lists it as well",
    }
    assert codes_of(fixed) == {codes.MODULE_IS_SHARED}
    assert tree(place.root) == before


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("no RECORD", "it has no RECORD"),
        ("empty RECORD", "it has no RECORD"),
        ("no text", "it is no UTF-8 text"),
        ("dpkg", "it belongs to dpkg, as its INSTALLER says"),
        ("apk-tools", "it belongs to apk-tools, as its INSTALLER says"),
        ("rpm", "it belongs to rpm, as its INSTALLER says"),
        ("egg-info", "setup.py has installed it"),
        ("link", "its dist-info is a symbolic link"),
    ],
)
@pytest.mark.parametrize("undo", [False, True])
def test_what_is_never_touched_is_listed(
    place: MendablePlace,
    spoil: str,
    reason: str,
    undo: bool,  # noqa: FBT001 - one column of the table
) -> None:
    info = install_misnamed(place.site)
    if undo:
        fix_environment(place.target)
    if spoil == "no RECORD":
        (info / "RECORD").unlink()
    elif spoil == "empty RECORD":
        (info / "RECORD").write_bytes(b"")
    elif spoil == "no text":
        (info / "RECORD").write_bytes(b"\xff,,\n")
    elif spoil == "egg-info":
        info.rename(place.site / "example-1.0-py3.9.egg-info")
    elif spoil == "link":
        info.rename(place.root / "elsewhere")
        info.symlink_to(place.root / "elsewhere")
    else:
        (info / "INSTALLER").write_text(f"{spoil}\n", "ascii")
    before = tree(place.root)
    fixed = fix_environment(place.target, undo=undo)
    assert codes_of(fixed) == {codes.LEFT_ALONE}
    assert fixed.all_findings[0].subject == "example 1.0"
    assert reason in fixed.all_findings[0].sentence
    assert fixed.is_mended
    assert tree(place.root) == before


def test_what_pip_has_not_come_to_remove_is_passed_over(place: MendablePlace) -> None:
    info = install_misnamed(place.site)
    info.rename(place.site / "~xample-1.0.dist-info")
    assert fix_environment(place.target).distributions == ()


def test_names_without_a_version(place: MendablePlace) -> None:
    info = install_misnamed(place.site)
    info.rename(place.site / "odd.dist-info")
    (fixed,) = fix_environment(place.target).distributions
    assert (fixed.name, fixed.version) == ("odd", "")


def test_a_distribution_without_wheel_file(place: MendablePlace) -> None:
    info = install_misnamed(place.site)
    (info / "WHEEL").unlink()
    fixed = fix_environment(place.target)
    assert codes_of(fixed) == {codes.NO_RECORD}
    assert not fixed.is_mended


def test_a_record_whose_rows_can_not_be_read(place: MendablePlace) -> None:
    info = install_misnamed(place.site)
    path = info / "RECORD"
    path.write_text(path.read_text("ascii").replace(f"{MISNAMED},", f"{MISNAMED},,,"), "ascii")
    before = tree(place.root)
    fixed = fix_environment(place.target)
    assert codes_of(fixed) == {codes.NO_RECORD}
    assert not fixed.is_mended
    assert tree(place.root) == before


@pytest.mark.parametrize("written", ["{site}/pkg/", "../site-packages/pkg/", "./pkg/", "pkg//"])
def test_a_record_that_names_modules_by_other_paths(place: MendablePlace, written: str) -> None:
    """No installer of today does; what isn't mended is told at least."""
    info = install_misnamed(
        place.site, {f"pkg/fast{MUSL}": MODULE, f"one{MUSL}": extension_module("one")}
    )
    path = info / "RECORD"
    text = path.read_text("ascii").replace("pkg/", written.format(site=place.site))
    path.write_text(text, "ascii")
    fixed = fix_environment(place.target)
    assert [each.path for each in fixed.distributions[0].changes] == [f"one{MUSL}"]
    (finding,) = (each for each in fixed.all_findings if each.refuses)
    assert (finding.code, finding.subject.rpartition("/")[2]) == (codes.NO_RECORD, f"fast{MUSL}")
    assert fix_environment(place.target).all_findings == (finding,)
    # somebody gives it a name that loads
    (place.site / RIGHT).write_bytes(MODULE)
    assert fix_environment(place.target).is_mended


@pytest.mark.parametrize("row", ["../../../share/fast{}", "/share/fast{}", "../site-packages/no{}"])
def test_rows_of_what_is_no_module(place: MendablePlace, row: str) -> None:
    (place.root / "share").mkdir()
    (place.root / "share" / f"fast{MUSL}").write_bytes(MODULE)
    info = install_misnamed(place.site, {"plain.py": ""})
    with (info / "RECORD").open("a", encoding="ascii") as stream:
        stream.write(f"{row.format(MUSL)},,\n")
    assert fix_environment(place.target).distributions == ()


def test_an_environment_of_another_package_manager(tmp_path: Path) -> None:
    from support.installed_maker import SITE, make_environment

    root = tmp_path / "usr"
    target = make_environment(root, virtual=False)
    install_misnamed(root / SITE)
    (root / "lib/python3.9/EXTERNALLY-MANAGED").write_text(
        "[externally-managed]\nError=hands off\n", "ascii"
    )
    before = tree(root)
    with pytest.raises(EnvironmentRefusedError) as caught:
        fix_environment(target)
    assert caught.value.code is codes.EXTERNALLY_MANAGED
    assert tree(root) == before
    assert fix_environment(target, dry_run=True).changed
    fixed = fix_environment(target, policy=Policy(allow=frozenset({"WF504"})))
    assert fixed.changed
    assert [each.code for each in fixed.findings] == [codes.EXTERNALLY_MANAGED]


def test_a_site_folder_that_is_not_there_or_can_not_be_listed(
    place: MendablePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(place.site)
    assert fix_environment(place.target).distributions == ()

    def deny(_path: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    place.site.mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(os, "listdir", deny)
        with pytest.raises(EnvironmentRefusedError) as caught:
            fix_environment(place.target, dry_run=True)
    assert caught.value.code is codes.CANNOT_WRITE


# caches


@pytest.mark.parametrize("how", ["hardlink", "symlink", "folder", "relative folder"])
def test_a_cache_stays_as_it_is(place: MendablePlace, how: str) -> None:
    install_misnamed(
        place.site,
        {"pkg/__init__.py": "", f"pkg/sub/deep/fast{MUSL}": MODULE, "pkg/sub/data": "data"},
    )
    place.link_to_cache(how)
    before, cache = tree(place.root), tree(place.cache)
    fixed = fix_environment(place.target)
    assert tree(place.cache) == cache
    assert (place.site / f"pkg/sub/deep/fast{GNU}").read_bytes() == MODULE
    assert (place.site / "pkg/sub/data").read_bytes() == b"data"
    assert fixed.changed[0].unlinked == (("pkg",) if "folder" in how else ())
    assert (codes.FOLDER_UNLINKED in codes_of(fixed)) is ("folder" in how)
    assert not (place.site / "pkg").is_symlink()
    fix_environment(place.target, undo=True)
    assert tree(place.root) == before
    assert tree(place.cache) == cache


def test_of_a_linked_folder_nothing_is_left_after_an_uninstall(place: MendablePlace) -> None:
    install_misnamed(place.site)
    place.link_to_cache("folder")
    cache = tree(place.cache)
    fix_environment(place.target)
    (removed,) = uninstall(["example"], [place.target])
    assert removed.findings == ()
    assert tree(place.site) == {}
    assert tree(place.cache) == cache


def test_duplicates_and_links_in_a_linked_folder(place: MendablePlace) -> None:
    install_misnamed(
        place.site,
        {
            **DUPLICATED,
            MISNAMED: MODULE,
            "pkg/sub/x.txt": "x",
            f"pkg/linked/slow{MUSL}": extension_module("slow"),
        },
    )
    place.link_to_cache("folder")
    # links within the cache: one to a folder in which something changes, one to another, one to a file
    (place.cache / "pkg/linked").rename(place.cache / "elsewhere")
    (place.cache / "pkg/linked").symlink_to("../elsewhere")
    (place.cache / "pkg/sub").rename(place.cache / "other")
    (place.cache / "pkg/sub").symlink_to("../other")
    (place.cache / "pkg/alias").symlink_to("data")
    before, cache = tree(place.root), tree(place.cache)
    fix_environment(place.target)
    package = place.site / "pkg"
    assert (package / f"lib{GNU}").read_bytes() == (package / f"lib{MUSL}").read_bytes()
    assert (package / f"linked/slow{GNU}").is_file()
    assert not (package / "linked").is_symlink()
    assert (package / "sub").is_symlink()
    assert (package / "sub/x.txt").read_bytes() == b"x"
    assert (package / "alias").is_symlink()
    assert tree(place.cache) == cache
    assert fix_environment(place.target).distributions == ()
    # what Python writes in the meantime
    (package / "__pycache__").mkdir()
    (package / "__pycache__/x.cpython-39.pyc").touch()
    undone = fix_environment(place.target, undo=True)
    assert undone.all_findings == ()
    assert undone.changed[0].unlinked == ("pkg",)
    assert tree(place.root) == before
    assert tree(place.cache) == cache


@pytest.mark.parametrize(
    "change", ["added", "replaced", "other link", "foreign link", "folder gone", "failed"]
)
def test_a_folder_that_can_not_be_a_link_again(place: MendablePlace, change: str) -> None:
    info = install_misnamed(place.site)
    place.link_to_cache("folder")
    fix_environment(place.target)
    package = place.site / "pkg"
    if change == "added":
        (package / "mine.py").touch()
    elif change == "replaced":
        (package / "data.txt").unlink()
        (package / "data.txt").write_text("mine", "ascii")
    elif change == "other link":
        (package / "data.txt").unlink()
        (package / "data.txt").symlink_to("/somewhere/else/data.txt")
    elif change == "foreign link":
        (package / "new.txt").symlink_to("data.txt")
    elif change == "failed":
        (package / f"fast{GNU}").unlink()
    else:
        notes = json.loads((info / "wheelfix.json").read_bytes())
        notes["unlinked"] = ["pkg/../../..", "absent", "absent/pkg", "other"]
        (place.site / "other").symlink_to("pkg")
        (info / "wheelfix.json").write_text(json.dumps(notes), "ascii")
    undone = fix_environment(place.target, undo=True)
    assert codes_of(undone) == {codes.NOT_UNDONE}
    assert not package.is_symlink()
    assert (place.site / MISNAMED).is_symlink() is (change != "failed")
    notes = json.loads((info / "wheelfix.json").read_bytes())
    assert notes["unlinked"] == (
        ["pkg/../../..", "absent", "absent/pkg", "other"] if change == "folder gone" else ["pkg"]
    )
    assert len(notes["changed"]) == (1 if change == "failed" else 0)


# file systems


def test_where_there_are_no_hard_links(
    place: MendablePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_misnamed(place.site)
    before = tree(place.root)
    modified = (place.site / MISNAMED).stat().st_mtime_ns

    def deny(*_names: str, **_options: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", deny)
        fix_environment(place.target)
    assert (place.site / RIGHT).stat().st_mtime_ns == modified
    fix_environment(place.target, undo=True)
    assert tree(place.root) == before


def test_in_a_root(tmp_path: Path) -> None:
    image = tmp_path / "image"
    site = image / "usr/lib/python3.9/site-packages"
    install_misnamed(site)
    (image / "cache").mkdir()
    (site / "pkg").rename(image / "cache/pkg")
    # as the target sees it; on this machine it leads nowhere
    (site / "pkg").symlink_to("/cache/pkg")
    target = make_target("cp39-glibc")
    options = InstallOptions(destdir=str(image), inside_root=True)
    before = tree(image)
    fixed = fix_environment(target, options=options)
    assert fixed.changed[0].unlinked == ("pkg",)
    assert os.readlink(site / RIGHT) == f"/cache/{MISNAMED}"
    fix_environment(target, options=options, undo=True)
    assert tree(image) == before


def test_a_failure_names_the_file_and_changes_nothing(
    place: MendablePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_misnamed(place.site)
    before = tree(place.root)

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "chmod", full)
        with pytest.raises(EnvironmentRefusedError) as caught:
            fix_environment(place.target)
    assert str(caught.value) == f"WF506 {place.site}: No space left on device"
    assert tree(place.root) == before


def test_what_was_killed_is_recovered_first(place: MendablePlace) -> None:
    install_misnamed(place.site)
    (place.site / ".wheelfix").mkdir(0o700)
    (place.site / ".wheelfix/old").mkdir()
    fixed = fix_environment(place.target)
    assert codes_of(fixed) == {codes.RECOVERED, codes.RENAMED}
    assert fixed.is_mended


def test_wheel_text_is_one_that_the_planner_reads(place: MendablePlace) -> None:
    install_misnamed(place.site, tag="cp39-abi3-manylinux_2_17_x86_64")
    assert "Tag: cp39-abi3" in wheel_text("cp39-abi3-any")
    # built for one version, although the tag says abi3: the interpreter is that version
    assert fix_environment(place.target).is_mended
