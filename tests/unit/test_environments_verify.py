"""Given what has become of installed files: what verify says of them."""

from __future__ import annotations

import base64
import hashlib
import os
import pickle
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Callable

import pytest

from support.elf_maker import extension_module
from support.environment_maker import GNU, MODULE, MUSL, MendablePlace, install_misnamed
from support.installed_maker import SITE, hashed, make_installed
from support.target_maker import make_target
from wheelfix import codes
from wheelfix.environments import fix_environment, verify_environment
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.layout import InstallOptions

if TYPE_CHECKING:
    from pathlib import Path

    from wheelfix.codes import Code
    from wheelfix.environments import VerifiedEnvironment

INFO = "example-1.0.dist-info"


@pytest.fixture
def place(tmp_path: Path) -> MendablePlace:
    return MendablePlace(tmp_path)


def found(verified: VerifiedEnvironment) -> list[tuple[Code, str]]:
    return [(finding.code, finding.subject) for finding in verified.all_findings]


def install(place: MendablePlace, **more: bytes | str) -> Path:
    files = {"pkg/__init__.py": "", "pkg/sub/data.txt": "data\n", **more}
    return make_installed(place.site, files)


def test_what_is_as_it_was_installed(place: MendablePlace) -> None:
    install(place)
    verified = verify_environment(place.target)
    (one,) = verified.distributions
    assert (one.name, one.version, one.files, one.findings) == ("example", "1.0", 4, ())
    assert verified.sites == (str(place.site),)
    assert verified.is_sound


Change = Callable[["MendablePlace"], object]


@pytest.mark.parametrize(
    ("change", "code", "subject"),
    [
        (lambda place: (place.site / "pkg/__init__.py").unlink(), "WF616", "pkg/__init__.py"),
        (lambda place: shutil.rmtree(place.site / "pkg/sub"), "WF616", "pkg/sub/data.txt"),
        (
            lambda place: (place.site / "pkg/__init__.py").write_bytes(b"more"),
            "WF617",
            "pkg/__init__.py",
        ),
        (
            lambda place: (place.site / "pkg/sub/data.txt").write_bytes(b"DATA\n"),
            "WF617",
            "pkg/sub/data.txt",
        ),
        (
            lambda place: (place.site / f"{INFO}/METADATA").write_bytes(b""),
            "WF617",
            f"{INFO}/METADATA",
        ),
        (lambda place: (place.site / "pkg/mine.py").touch(), "WF618", "pkg/mine.py"),
        (lambda place: (place.site / "pkg/mine").mkdir(), "WF618", "pkg/mine/"),
        (lambda place: (place.site / "pkg/link").symlink_to("sub"), "WF618", "pkg/link"),
        (lambda place: (place.site / f"{INFO}/extra").touch(), "WF618", f"{INFO}/extra"),
    ],
)
def test_what_was_changed(place: MendablePlace, change: Change, code: str, subject: str) -> None:
    install(place)
    change(place)
    verified = verify_environment(place.target)
    assert [(each.id, name) for each, name in found(verified)] == [(code, subject)]
    assert verified.is_sound is (code == "WF618")


@pytest.mark.parametrize(
    "name", ["beside.py", "pkg/__pycache__/x.cpython-39.pyc", "pkg/sub/__pycache__/any.txt"]
)
def test_what_may_lie_there(place: MendablePlace, name: str) -> None:
    install(place)
    (place.site / name).parent.mkdir(exist_ok=True)
    (place.site / name).touch()
    assert found(verify_environment(place.target)) == []


def test_files_of_another_distribution_are_not_foreign(place: MendablePlace) -> None:
    install(place)
    make_installed(place.site, {"pkg/plugin.py": "", "pkg/more/deep/x.py": ""}, name="plugin")
    assert found(verify_environment(place.target)) == []
    assert found(verify_environment(place.target, ["example"])) == []
    (place.site / "pkg/more/mine").touch()
    # the first of those that have files there is told of it
    verified = verify_environment(place.target)
    assert [(each.name, len(each.findings)) for each in verified.distributions] == [
        ("example", 0),
        ("plugin", 1),
    ]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (("", ""), "WF619"),
        (("sha256=", "5"), "WF619"),
        (("sha256=", ""), "WF619"),
        (("sha256=", "6"), "WF617"),
        (("md5=xxx", "5"), "WF619"),
        (hashed("data\n"), None),
        (
            (
                "sha512=" + base64.urlsafe_b64encode(hashlib.sha512(b"data\n").digest()).decode(),
                "",
            ),
            None,
        ),
    ],
)
def test_hashes(place: MendablePlace, row: tuple[str, str], code: str | None) -> None:
    files = {"pkg/data.txt": "data\n"}
    make_installed(place.site, files, rows={"pkg/data.txt": row})
    verified = verify_environment(place.target)
    assert [each.id for each, _ in found(verified)] == ([] if code is None else [code])


@pytest.mark.parametrize(
    ("path", "content", "row", "code"),
    [
        ("pkg/__pycache__/x.cpython-39.pyc", "code", ("", ""), None),
        ("pkg/__pycache__/x.cpython-39.pyc", "code", hashed("code"), None),
        ("pkg/__pycache__/x.cpython-39.pyc", None, hashed("code"), None),
        ("pkg/__pycache__/x.cpython-39.pyc", None, ("", ""), None),
        ("pkg/__pycache__/x.cpython-39.pyc", "kode", hashed("code"), "WF617"),
        ("pkg/x.pyc", None, ("", ""), "WF616"),
        (f"{INFO}/RECORD.jws", "{}", ("", ""), None),
        ("../../../bin/tool", "#!", hashed("#!"), None),
        ("../../../bin/tool", "other", hashed("#!"), "WF617"),
        ("../../../../outside", "", hashed(""), "WF619"),
        ("/etc/hostname", None, ("", ""), "WF619"),
        ("pkg/./x.py", "", hashed(""), None),
        ("pkg//x.py", "", hashed(""), None),
        pytest.param(
            "pkg/a\0b",
            None,
            ("", ""),
            "WF619",
            marks=pytest.mark.skipif(
                sys.version_info < (3, 11), reason="csv refuses the whole file"
            ),
        ),
        ("folder", "a folder", ("", ""), "WF617"),
        ("pkg", None, ("", ""), "WF617"),
    ],
)
def test_rows_of_every_kind(
    place: MendablePlace, path: str, content: str | None, row: tuple[str, str], code: str | None
) -> None:
    make_installed(
        place.site,
        {"pkg/x.py": ""},
        rows={path: row, "pkg/x.py": None if "x.py" in path else hashed("")},
    )
    if content == "a folder":
        (place.site / path).mkdir()
    elif content is not None:
        (place.site / path).parent.mkdir(exist_ok=True)
        (place.site / path).write_text(content, "ascii")
    verified = verify_environment(place.target)
    expected = [] if code is None else [code]
    assert [each.id for each, _ in found(verified) if each is not codes.FOREIGN_FILE] == expected


def test_a_file_that_can_not_be_read(place: MendablePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    install(place)

    def deny(_path: str, _flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    (place.site / "loop").symlink_to("loop")
    (place.site / "pkg/__init__.py").unlink()
    (place.site / "pkg/__init__.py").symlink_to("../loop")
    verified = verify_environment(place.target)
    (finding,) = verified.all_findings
    assert finding.code is codes.FILE_MISSING
    assert "can't be read: Too many levels" in finding.sentence

    def fail(_descriptor: int, _size: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "read", fail)
    verified = verify_environment(place.target)
    assert {each.code for each in verified.all_findings} == {codes.FILE_MISSING}
    assert any("Input/output error" in each.sentence for each in verified.all_findings)


@pytest.mark.parametrize("record", [b"a,b\n", b'"pkg/x.py', b""])
def test_a_record_that_is_none(place: MendablePlace, record: bytes) -> None:
    make_installed(place.site, {"pkg/x.py": ""}, record=record)
    verified = verify_environment(place.target)
    assert found(verified) == [(codes.LEFT_ALONE, "example 1.0")]
    assert verified.is_sound


def test_quoted_rows_belong_to_their_distribution(place: MendablePlace) -> None:
    install(place, **{"pkg/a, b.txt": "", "pkg/back.txt": ""})
    record = place.site / INFO / "RECORD"
    text = record.read_text("ascii").replace("pkg/back.txt", "pkg\\back.txt")
    record.write_text(text, "ascii")
    assert found(verify_environment(place.target)) == []


def test_distributions_of_the_system_are_held_against_their_record(place: MendablePlace) -> None:
    info = install(place)
    (info / "INSTALLER").write_text("dpkg\n", "ascii")
    verified = verify_environment(place.target)
    assert found(verified) == [(codes.FILE_CHANGED, f"{INFO}/INSTALLER")]


def test_names(place: MendablePlace) -> None:
    install(place)
    make_installed(place.site, {"other.py": ""}, name="other")
    verified = verify_environment(place.target, ["Other"])
    assert [each.label for each in verified.distributions] == ["other 1.0"]
    with pytest.raises(EnvironmentRefusedError) as caught:
        verify_environment(place.target, ["absent"])
    assert caught.value.code is codes.NAME_NOT_INSTALLED


def test_several_processes_say_the_same(place: MendablePlace) -> None:
    for number in range(20):
        make_installed(place.site, {f"pkg{number}/x.py": ""}, name=f"pkg{number}")
    (place.site / "pkg3/x.py").unlink()
    (place.site / "pkg4/y.py").touch()
    here = verify_environment(place.target)
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as executor:
        there = verify_environment(place.target, executor=executor)
    assert there == here
    assert pickle.loads(pickle.dumps(there)) == there
    assert found(here) == [(codes.FILE_MISSING, "pkg3/x.py"), (codes.FOREIGN_FILE, "pkg4/y.py")]


# modules


def machine_target(place: MendablePlace, executable: str) -> MendablePlace:
    """Let the target be the machine's own interpreter in all that a loader asks."""
    place.target = make_target(
        "cp39-glibc",
        paths=place.target.paths,
        prefix=place.target.prefix,
        base_prefix="/usr",
        executable=executable,
        libc=None,
    )
    return place


def test_a_module_that_is_not_imported_under_its_name(place: MendablePlace) -> None:
    machine_target(place, "/usr/bin/python")
    install_misnamed(place.site)
    verified = verify_environment(place.target)
    assert found(verified) == [(codes.NAME_NOT_IMPORTED, f"pkg/fast{MUSL}")]
    assert not verified.is_sound
    fix_environment(place.target)
    verified = verify_environment(place.target)
    assert found(verified) == []
    assert verified.distributions[0].files == 7


def test_a_module_that_record_names_by_an_absolute_path(place: MendablePlace) -> None:
    machine_target(place, "/usr/bin/python")
    info = install_misnamed(place.site)
    text = (info / "RECORD").read_text("ascii").replace("pkg/fast", f"{place.site}/pkg/fast")
    (info / "RECORD").write_text(text, "ascii")
    found_there = found(verify_environment(place.target))
    assert (codes.NAME_NOT_IMPORTED, f"{place.site}/pkg/fast{MUSL}") in found_there


def test_notes_are_for_those_who_ask_check(place: MendablePlace) -> None:
    machine_target(place, "/usr/bin/python")
    install_misnamed(place.site, {f"not-imported/fast{MUSL}": MODULE})
    assert found(verify_environment(place.target)) == []


def test_a_module_of_another_machine(place: MendablePlace) -> None:
    from support.elf_architectures import AARCH64

    machine_target(place, "/usr/bin/python")
    install_misnamed(place.site, {f"fast{GNU}": extension_module("fast", AARCH64)})
    assert found(verify_environment(place.target)) == [(codes.WRONG_MACHINE, f"fast{GNU}")]


def test_a_module_that_is_missing_is_told_of_once(place: MendablePlace) -> None:
    machine_target(place, "/usr/bin/python")
    install_misnamed(place.site, {f"fast{GNU}": MODULE})
    (place.site / f"fast{GNU}").unlink()
    assert found(verify_environment(place.target)) == [(codes.FILE_MISSING, f"fast{GNU}")]


def test_a_distribution_without_wheel_file(place: MendablePlace) -> None:
    machine_target(place, "/usr/bin/python")
    info = install_misnamed(place.site, {f"fast{GNU}": MODULE})
    (info / "WHEEL").unlink()
    assert {each for each, _ in found(verify_environment(place.target))} == {
        codes.FILE_MISSING,
        codes.NO_RECORD,
    }


def test_an_interpreter_whose_loader_can_not_be_read(place: MendablePlace) -> None:
    place.target = make_target("cp39-glibc", paths=place.target.paths, executable="/absent")
    install_misnamed(place.site, {f"fast{GNU}": MODULE})
    with pytest.raises(EnvironmentRefusedError) as caught:
        verify_environment(place.target)
    assert caught.value.code is codes.CANNOT_READ_ROOT


def test_in_a_root(tmp_path: Path) -> None:
    image = tmp_path / "image"
    site = image / SITE.replace("lib/", "usr/lib/")
    make_installed(site, {"pkg/x.py": "", "pkg/y.py": "y", "pkg/z.py": "z"})
    (image / "cache").mkdir()
    (site / "pkg/y.py").rename(image / "cache/y.py")
    # as the target sees it
    (site / "pkg/y.py").symlink_to("/cache/y.py")
    (site / "pkg/z.py").unlink()
    target = make_target("cp39-glibc")
    options = InstallOptions(destdir=str(image), inside_root=True)
    verified = verify_environment(target, options=options)
    assert found(verified) == [(codes.FILE_MISSING, "pkg/z.py")]
    assert verified.distributions[0].to_json()["files"] == 4
