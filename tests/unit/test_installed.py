from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from support.installed_maker import SITE, make_environment, make_installed
from wheelfix.codes import CODES
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.installed import Environment, find_installed
from wheelfix.installed import _records as records
from wheelfix.layout import InstallOptions

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment([make_environment(tmp_path / "env")], InstallOptions())


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "env" / SITE


def refusal(name: str, environment: Environment) -> list[str]:
    with pytest.raises(EnvironmentRefusedError) as refused:
        find_installed([name], environment)
    assert {finding.code for finding in refused.value.findings} == {CODES["WF515"]}
    return [finding.sentence for finding in refused.value.findings]


# what is found


@pytest.mark.parametrize(
    ("folder", "asked", "canonical"),
    [
        ("example", "example", "example"),
        ("Zope.Interface", "zope_interface", "zope-interface"),
        ("not-escaped", "Not.Escaped", "not-escaped"),
        ("example", "EXAMPLE", "example"),
    ],
)
def test_a_distribution_is_found_in_any_spelling(
    folder: str, asked: str, canonical: str, environment: Environment, site: Path
) -> None:
    info = make_installed(site, {"a.py": ""}, name=folder, version="2.0+local")
    make_installed(site, {"b.py": ""}, name="another")
    (found,) = find_installed([asked], environment)[canonical]
    assert (found.name, found.version, found.info) == (folder, "2.0+local", str(info))
    assert found.site == str(site)
    assert "a.py" in found.rows


def test_a_folder_without_a_version_has_a_name(environment: Environment, site: Path) -> None:
    info = make_installed(site, {})
    info.rename(site / "example.dist-info")
    (found,) = find_installed(["example"], environment)["example"]
    assert (found.name, found.version) == ("example", "")


def test_all_versions_are_found_in_both_site_folders(tmp_path: Path) -> None:
    root = tmp_path / "env"
    target = make_environment(root, platlib=str(root / "lib64"))
    environment = Environment([target], InstallOptions())
    # a site folder that isn't there holds nothing
    assert find_installed(["example"], environment) == {"example": ()}
    for site, version in [(root / SITE, "1.0"), (root / SITE, "2.0"), (root / "lib64", "3.0")]:
        make_installed(site, {}, version=version)
    found = find_installed(["example"], environment)["example"]
    assert sorted(each.version for each in found) == ["1.0", "2.0", "3.0"]


def test_two_names_of_one_site_folder_are_one(tmp_path: Path) -> None:
    root = tmp_path / "env"
    target = make_environment(root, purelib=str(root / "lib64/python3.9/site-packages"))
    (root / "lib64").symlink_to("lib")
    make_installed(root / SITE, {})
    found = find_installed(["example"], Environment([target], InstallOptions()))
    assert len(found["example"]) == 1


def test_an_editable_install_is_one_by_its_record(environment: Environment, site: Path) -> None:
    files = {
        "__editable__.example-1.0.pth": "/src/example\n",
        "example-1.0.dist-info/direct_url.json": '{"dir_info": {"editable": true}, "url": "file:///src"}',
    }
    make_installed(site, files)
    assert len(find_installed(["example"], environment)["example"]) == 1


@pytest.mark.parametrize(
    ("destdir", "prefix"), [("{root}/dest", "/usr"), ("{root}/dest/", "/opt/x/../y")]
)
def test_destdir_comes_before_every_folder(destdir: str, prefix: str, tmp_path: Path) -> None:
    target = make_environment(tmp_path / "env", purelib=f"{prefix}/lib", scripts=f"{prefix}/bin")
    options = InstallOptions(destdir=destdir.format(root=tmp_path))
    environment = Environment([target], options)
    final = os.path.normpath(f"{tmp_path}/dest{prefix}")
    assert {f"{final}/lib", f"{final}/bin"} <= {*environment.roots}
    make_installed(tmp_path / "dest" / os.path.normpath(prefix).lstrip("/") / "lib", {})
    assert len(find_installed(["example"], environment)["example"]) == 1


# what is refused


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("example-1.0.egg-info", "example"),
        ("Some_Name-1.0-py3.9.egg-info", "some-name"),
        ("example.egg-info", "example"),
        ("some-name.egg-link", "some_name"),
    ],
)
def test_what_setup_py_installed_is_refused(
    entry: str, name: str, environment: Environment, site: Path
) -> None:
    (site / entry).write_text("")
    assert refusal(name, environment) == [
        "it was installed by setup.py, and no RECORD tells its files"
    ]
    # who doesn't ask for it isn't bothered by it
    assert find_installed(["another"], environment) == {"another": ()}


@pytest.mark.parametrize("manager", ["dpkg", "debian", "RPM", "conda", "apk-tools 2.14"])
def test_what_a_package_manager_installed_is_refused(
    manager: str, environment: Environment, site: Path
) -> None:
    make_installed(site, {}, installer=manager)
    (sentence,) = refusal("example", environment)
    assert (
        sentence == f"it belongs to {manager.split(maxsplit=1)[0].lower()}, as its INSTALLER says"
    )


@pytest.mark.parametrize("installer", ["pip", "uv", "wheelfix", "Poetry 1.8.2", "", None])
def test_what_another_installer_installed_is_found(
    installer: str | None, environment: Environment, site: Path
) -> None:
    make_installed(site, {}, installer=installer)
    assert len(find_installed(["example"], environment)["example"]) == 1


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (b"", "its RECORD is empty"),
        (b"a.py\n", "RECORD can't be read"),
        (b'"a.py,,\n', "RECORD can't be read"),
        (b"a.py,sha256,1\n", "RECORD can't be read"),
        (b"a.py,rot13=abc,1\n", "unknown hash"),
        (b"a.py,,9" + b"9" * 5000 + b"\n", "RECORD can't be read"),
        (b"a" * 200_000 + b",,\n", "RECORD can't be read"),
        (b"\xff.py,,\n", "it is no UTF-8 text"),
        (b"\0\n", "RECORD can't be read"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_record_that_cannot_be_read_is_refused(
    record: bytes, sentence: str, environment: Environment, site: Path
) -> None:
    make_installed(site, {"a.py": ""}, record=record)
    (found,) = refusal("example", environment)
    assert sentence in found


def test_a_huge_record_is_refused(
    environment: Environment, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_installed(site, {"a.py": ""})
    monkeypatch.setattr(records, "_MAX_TEXT_SIZE", 16)
    assert refusal("example", environment) == ["it is larger than 16 bytes"]


def test_a_missing_record_is_refused(environment: Environment, site: Path) -> None:
    (make_installed(site, {}) / "RECORD").unlink()
    assert refusal("example", environment) == ["it has no RECORD, so that nothing tells its files"]


def test_a_record_that_is_no_file_is_refused(environment: Environment, site: Path) -> None:
    record = make_installed(site, {}) / "RECORD"
    record.unlink()
    record.mkdir()
    assert refusal("example", environment) == ["it can't be read: it is no regular file"]
    record.rmdir()
    os.mkfifo(record)
    assert refusal("example", environment) == ["it can't be read: it is no regular file"]


def test_a_dist_info_folder_behind_a_link_is_refused(environment: Environment, site: Path) -> None:
    info = make_installed(site, {})
    info.rename(site.parent / "elsewhere")
    info.symlink_to(site.parent / "elsewhere")
    assert refusal("example", environment) == ["it is no folder, or a symbolic link to one"]


def test_a_site_folder_that_cannot_be_listed_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    environment = Environment(
        [make_environment(tmp_path / "env", purelib=str(loop))], InstallOptions()
    )
    (sentence,) = refusal("example", environment)
    assert sentence.startswith("it can't be listed: ")


def test_everything_refused_is_told_at_once(environment: Environment, site: Path) -> None:
    (make_installed(site, {}) / "RECORD").unlink()
    (site / "example-0.9.egg-info").mkdir()
    assert len(refusal("example", environment)) == 2
