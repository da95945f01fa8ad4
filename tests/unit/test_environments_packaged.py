"""Given the database of a system's package manager: what it lists is told of, and never touched."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from support.environment_maker import MUSL, MendablePlace, install_misnamed
from support.installed_maker import SITE, make_environment, make_installed
from support.mounts import without_privileges
from support.target_maker import make_target
from support.trees import tree
from wheelfix import codes
from wheelfix.environments import fix_environment, verify_environment
from wheelfix.environments._packaged import PackageDatabases, _names_in
from wheelfix.layout import InstallOptions
from wheelfix.targets.roots import InsideRoot

if TYPE_CHECKING:
    from pathlib import Path

    from wheelfix.environments import FixedEnvironment

PACKAGES = "usr/lib/python3.12/site-packages"
INFO = f"/{PACKAGES}/example-1.0.dist-info"

DPKG = f"/.\n/usr\n{INFO}\n{INFO}/METADATA\n"
APK = f"P:py3-other\nF:{PACKAGES}/pkg\nR:a.py\nP:py3-example\nF:{INFO[1:]}\nR:RECORD\n"
#: as in the leaves of its table Dirnames, and in the blobs of Packages.db
RPM = f"\0\x81\x11\x08{INFO}/\0\x81\x11/{PACKAGES}/pkg/\0"


def databases(root: Path, path: str, content: str) -> PackageDatabases:
    file = root / path
    file.parent.mkdir(parents=True)
    file.write_bytes(content.encode("latin-1"))
    return PackageDatabases(InsideRoot(str(root)))


@pytest.mark.parametrize(
    ("path", "content", "manager"),
    [
        ("var/lib/dpkg/info/python3-example.list", DPKG, "dpkg"),
        ("var/lib/dpkg/info/python3-example.md5sums", DPKG, None),
        ("var/lib/dpkg/info/python3-example.list", "", None),
        ("lib/apk/db/installed", APK, "apk"),
        ("usr/lib/apk/db/installed", APK, "apk"),
        ("var/lib/rpm/rpmdb.sqlite", RPM, "rpm"),
        ("usr/lib/sysimage/rpm/Packages.db", RPM, "rpm"),
        ("var/lib/rpm/Dirnames", RPM, "rpm"),
        # another place, name, kind
        ("var/lib/dpkg/info/x.list", DPKG.replace("/usr/", "/opt/"), None),
        ("var/lib/dpkg/info/x.list", DPKG.replace("/usr/", "/opt/ausr/"), None),
        ("var/lib/dpkg/info/x.list", DPKG.replace("example", "example2"), None),
        ("var/lib/dpkg/info/x.list", DPKG.replace("dist-info", "dist-info2"), None),
    ],
)
def test_what_a_database_lists(
    tmp_path: Path, path: str, content: str, manager: str | None
) -> None:
    found = databases(tmp_path, path, content)
    assert found.manager_of(INFO) == manager
    # once read, it is known
    assert found.manager_of(INFO.replace("example", "none")) is None


def test_a_database_of_rpm_that_sqlite_has_written(tmp_path: Path) -> None:
    folder = tmp_path / "var/lib/rpm"
    folder.mkdir(parents=True)
    with sqlite3.connect(folder / "rpmdb.sqlite") as database:
        # rpm, lib/backend/sqlite.c
        database.execute("CREATE TABLE Dirnames (key TEXT NOT NULL, hnum INTEGER, idx INTEGER)")
        rows = [(f"/usr/share/{number}/", number, 0) for number in range(1000)]
        database.executemany("INSERT INTO Dirnames VALUES (?, ?, ?)", rows)
        database.execute("INSERT INTO Dirnames VALUES (?, 7, 1)", (f"{INFO}/",))
    database.close()
    assert PackageDatabases(InsideRoot(str(tmp_path))).manager_of(INFO) == "rpm"


def test_a_site_folder_that_links_lead_to(tmp_path: Path) -> None:
    found = databases(tmp_path, "lib/apk/db/installed", APK)
    (tmp_path / PACKAGES).mkdir(parents=True)
    (tmp_path / "usr/lib64").symlink_to("lib")
    assert found.manager_of(INFO.replace("lib", "lib64", 1)) == "apk"


def test_a_large_database(tmp_path: Path) -> None:
    more = "".join(f"F:usr/share/{number:064}\n" for number in range(20_000))
    assert databases(tmp_path, "lib/apk/db/installed", more + APK).manager_of(INFO) == "apk"


@pytest.mark.parametrize("spoil", ["folder", "link", "circle"])
def test_what_is_no_database(tmp_path: Path, spoil: str) -> None:
    found = databases(tmp_path, "lib/apk/db/installed", APK)
    path = tmp_path / "lib/apk/db/installed"
    path.rename(tmp_path / "elsewhere")
    if spoil == "folder":
        path.mkdir()
    elif spoil == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        (tmp_path / "usr").symlink_to("usr")
        (tmp_path / "var").symlink_to("var")
    assert found.manager_of(INFO) is None


def test_a_database_that_can_not_be_read(tmp_path: Path) -> None:
    found = databases(tmp_path, "lib/apk/db/installed", APK)
    (tmp_path / "lib/apk/db/installed").chmod(0)

    def look() -> None:
        assert found.manager_of(INFO) is None

    without_privileges(look)


def test_a_database_that_is_gone_since_its_folder_was_read(tmp_path: Path) -> None:
    assert _names_in(str(tmp_path / "rpmdb.sqlite-wal"), b"") == set()


def fix_root(root: Path, *, undo: bool = False) -> FixedEnvironment:
    """Mend the root of a system with CPython in /usr."""
    site = f"/{PACKAGES}"
    target = make_target(
        "cp39-glibc",
        paths={**make_target("cp39-glibc").paths, "purelib": site, "platlib": site},
        prefix="/usr",
        base_prefix="/usr",
    )
    options = InstallOptions(destdir=str(root), inside_root=True)
    return fix_environment(target, options=options, undo=undo)


@pytest.mark.parametrize("undo", [False, True])
def test_what_alpine_has_installed_is_listed(tmp_path: Path, *, undo: bool) -> None:
    install_misnamed(tmp_path / PACKAGES)
    install_misnamed(
        tmp_path / PACKAGES, {f"mine/fast{MUSL}": b"", "plain.py": ""}, name="mine", installer=None
    )
    if undo:
        assert [each.name for each in fix_root(tmp_path).changed] == ["example"]
    databases(tmp_path, "lib/apk/db/installed", APK)
    before = tree(tmp_path)
    fixed = fix_root(tmp_path, undo=undo)
    (finding,) = fixed.all_findings
    assert (finding.code, finding.subject) == (codes.LEFT_ALONE, "example 1.0")
    assert finding.sentence == "it belongs to apk, whose database lists its dist-info"
    assert fixed.is_mended
    assert tree(tmp_path) == before


def test_in_a_virtual_environment_only_what_would_be_mended_is_looked_up(tmp_path: Path) -> None:
    site = f"/venv/{SITE}"
    install_misnamed(tmp_path / site[1:])
    install_misnamed(tmp_path / site[1:], {"plain.py": ""}, name="plain")
    text = "".join(f"{site}/{name}-1.0.dist-info\n" for name in ("example", "plain"))
    databases(tmp_path, "var/lib/dpkg/info/app.list", text)
    target = make_target(
        "cp39-glibc",
        paths={**make_target("cp39-glibc").paths, "purelib": site, "platlib": site},
        prefix="/venv",
        base_prefix="/usr",
    )
    fixed = fix_environment(target, options=InstallOptions(destdir=str(tmp_path), inside_root=True))
    assert [each.subject for each in fixed.all_findings] == ["example 1.0"]


def test_the_folder_of_debians_packages_is_listed(tmp_path: Path) -> None:
    prefix = tmp_path / "usr"
    target = make_environment(prefix, virtual=False)
    install_misnamed(prefix / SITE, name="mine")
    assert [each.name for each in fix_environment(target, dry_run=True).changed] == ["mine"]
    packages = prefix / "lib/python3/dist-packages"
    install_misnamed(packages, installer=None)
    (packages / "old-2.0.egg-info").mkdir()
    before = tree(packages)
    fixed = fix_environment(target)
    assert [each.name for each in fixed.changed] == ["mine"]
    listed = [each for each in fixed.all_findings if each.code is codes.LEFT_ALONE]
    assert [each.subject for each in listed] == ["example 1.0", "old 2.0"]
    assert {each.sentence for each in listed} == {
        f"it lies in {packages}, which is for the system's packages"
    }
    assert fix_environment(target, ["example"]).changed == ()
    assert tree(packages) == before


def test_debians_packages_are_not_held_against_their_record(tmp_path: Path) -> None:
    """It isn't true, of what was stripped or moved; `dpkg --verify` tells."""
    prefix = tmp_path / "usr"
    target = make_environment(prefix, virtual=False)
    make_installed(prefix / SITE, {"mine.py": ""}, name="mine")
    make_installed(prefix / "lib/python3/dist-packages", {"other.py": ""})
    assert [each.name for each in verify_environment(target).distributions] == ["mine"]


def test_a_virtual_environment_has_no_folder_of_debians(tmp_path: Path) -> None:
    place = MendablePlace(tmp_path)
    install_misnamed(place.root / "lib/python3/dist-packages")
    assert fix_environment(place.target).distributions == ()
