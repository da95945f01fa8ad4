from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from support.installed_maker import (
    SITE,
    hashed,
    make_environment,
    make_installed,
    make_place,
)
from support.wheel_maker import record_hash
from wheelfix.codes import CODES
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.installed import (
    Environment,
    InstalledDistribution,
    find_installed,
    plan_removals,
)
from wheelfix.installed import _removal as removal_module
from wheelfix.installed._environment import status_of
from wheelfix.layout import InstallOptions

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from wheelfix.targets import Target

INFO = "example-1.0.dist-info"
OWN_METADATA = {f"{SITE}/{INFO}/{name}" for name in ("INSTALLER", "METADATA", "RECORD")}
CHANGED = "it is not as it was installed: its hash or size is not the one in RECORD"
OUTSIDE = "it lies outside of the environment's folders"
NO_HASH = "RECORD has no hash for it"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "env"


@pytest.fixture
def target(root: Path) -> Target:
    return make_environment(root)


@pytest.fixture
def site(root: Path, target: Target) -> Path:
    assert target.paths["purelib"] == str(root / SITE)
    return root / SITE


def decide(
    root: Path,
    target: Target,
    *names: str,
    keep: Collection[str] = (),
    options: InstallOptions | None = None,
) -> tuple[set[str], dict[str, str]]:
    """Give what goes, but for what of dist-info always goes, and what stays with the reason."""
    environment = Environment([target], options or InstallOptions())
    installed = find_installed(names or ["example"], environment)
    removals = plan_removals(
        [each for one in installed.values() for each in one], environment, keep
    )
    gone = {path for removal in removals for path in removal.files}
    findings = [finding for removal in removals for finding in removal.findings]
    assert {finding.code for finding in findings} <= {CODES["WF516"]}
    kept = {finding.subject: finding.sentence for finding in findings}
    assert gone.isdisjoint(kept)
    assert len(kept) == len(findings)
    start = f"{root}/"
    relative = {path[len(start) :] for path in gone}
    return relative - OWN_METADATA, {path.replace(start, ""): why for path, why in kept.items()}


# the ordinary case


def test_all_that_record_lists_goes(root: Path, site: Path, target: Target) -> None:
    files = {
        "pkg/__init__.py": "x = 1\n",
        "pkg/data/some, text.txt": "text",
        "../../../bin/tool": "#!/bin/sh\n",
        "../../../share/man/man1/tool.1": "man",
        "../../../include/python3.9/example/a.h": "int x;",
        "../../../include/site/python3.9/example/a.h": "int x;",
        f"{INFO}/licenses/LICENSE": "free",
    }
    make_installed(site, files)
    (site / "pkg/of the user.txt").write_text("")
    gone, kept = decide(root, target)
    assert gone == {os.path.normpath(os.path.join(SITE, path)) for path in files}
    assert kept == {}


def test_folders_go_from_the_deepest_up_and_never_one_of_the_schemes(
    root: Path, site: Path, target: Target
) -> None:
    files = {
        "pkg/sub/a.py": "",
        "../../../bin/tool": "",
        "../../../share/doc/example/a": "",
        "../../../include/python3.9/example/a.h": "",
    }
    make_installed(site, files)
    environment = Environment([target], InstallOptions())
    (removal,) = plan_removals(find_installed(["example"], environment)["example"], environment)
    folders = [os.path.relpath(folder, root) for folder in removal.folders]
    assert set(folders) == {
        f"{SITE}/pkg/sub",
        f"{SITE}/pkg",
        f"{SITE}/{INFO}",
        "share/doc/example",
        "share/doc",
        "share",
        "include/python3.9/example",
    }
    depths = [folder.count("/") for folder in folders]
    assert depths == sorted(depths, reverse=True)


def test_what_is_missing_is_no_matter(root: Path, site: Path, target: Target) -> None:
    make_installed(site, {"a.py": "", "pkg/b.py": ""})
    (site / "a.py").unlink()
    (site / "pkg/b.py").unlink()
    # a file where RECORD has a folder
    (site / "pkg").rmdir()
    (site / "pkg").write_text("")
    assert decide(root, target) == (set(), {})


def test_a_caller_may_keep_files(root: Path, site: Path, target: Target) -> None:
    make_installed(site, {"a.py": "", "b.py": ""})
    assert decide(root, target, keep=[str(site / "b.py")]) == ({f"{SITE}/a.py"}, {})


# hashes


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512", "blake2b", "sha3_256"])
def test_any_strong_hash_counts(algorithm: str, root: Path, site: Path, target: Target) -> None:
    row = (record_hash(b"x = 1\n", algorithm), "6")
    make_installed(site, {"a.py": "x = 1\n"}, rows={"a.py": row})
    assert decide(root, target)[0] == {f"{SITE}/a.py"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (hashed("x = 2\n"), CHANGED),
        ((hashed("x = 1\n")[0], "7"), CHANGED),
        ((hashed("x = 1\n")[0][:-1], "6"), CHANGED),
        (("sha256=\xe4\xf6", "6"), CHANGED),
        (("", ""), NO_HASH),
        (("", "6"), NO_HASH),
        # PDM's link modes
        (("sha256=", "6"), NO_HASH),
        (
            (record_hash(b"x = 1\n", "md5"), "6"),
            "RECORD has only a hash for it that can be forged, md5",
        ),
        (
            (record_hash(b"x = 1\n", "sha1"), "6"),
            "RECORD has only a hash for it that can be forged, sha1",
        ),
    ],
)
def test_what_no_hash_vouches_for_stays(
    row: tuple[str, str], reason: str, root: Path, site: Path, target: Target
) -> None:
    make_installed(site, {"a.py": "x = 1\n", "b.py": ""}, rows={"a.py": row})
    assert decide(root, target) == ({f"{SITE}/b.py"}, {f"{SITE}/a.py": reason})


@pytest.mark.parametrize(
    ("digest", "size"),
    [
        (hashed("x = 1\n")[0] + "=", "6"),
        (hashed("x = 1\n")[0], ""),
    ],
    ids=["padding", "no size"],
)
def test_forms_of_other_installers_count(
    digest: str, size: str, root: Path, site: Path, target: Target
) -> None:
    make_installed(site, {"a.py": "x = 1\n"}, rows={"a.py": (digest, size)})
    assert decide(root, target) == ({f"{SITE}/a.py"}, {})


def test_a_large_file_is_read_in_parts(
    root: Path, site: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal_module, "_READ_SIZE", 7)
    make_installed(site, {"a.bin": bytes(range(100)), "b.bin": b"1234567", "c.bin": b""})
    assert decide(root, target)[0] == {f"{SITE}/{name}.bin" for name in "abc"}


def test_the_own_metadata_goes_whatever_its_hash(root: Path, site: Path, target: Target) -> None:
    info = make_installed(site, {}, rows={f"{INFO}/METADATA": ("", "")})
    (info / "INSTALLER").write_text("changed\n")
    for name in ("RECORD.jws", "RECORD.p7s"):
        (info / name).write_text("")
    gone, kept = decide(root, target)
    assert gone == {f"{SITE}/{INFO}/RECORD.jws", f"{SITE}/{INFO}/RECORD.p7s"}
    assert kept == {}


def test_metadata_that_is_not_listed_stays(root: Path, site: Path, target: Target) -> None:
    info = make_installed(site, {})
    (info / "more").mkdir()
    (info / "more/notes").write_text("")
    sentence = "RECORD doesn't list it"
    assert decide(root, target) == (set(), {f"{SITE}/{INFO}/more/notes": sentence})


# bytecode


@pytest.mark.parametrize(
    "name",
    [
        "mod.cpython-39.pyc",
        "mod.cpython-313.opt-1.pyc",
        "mod.cpython-39.opt-2.pyc",
        "mod.pypy39.pyc",
        "mod.graalpy240-310.pyc",
    ],
)
@pytest.mark.parametrize("row", [None, ("", ""), hashed("older"), hashed("code")])
def test_bytecode_goes_with_its_source(
    name: str, row: tuple[str, str] | None, root: Path, site: Path, target: Target
) -> None:
    path = f"pkg/__pycache__/{name}"
    make_installed(site, {"pkg/mod.py": "", path: "code"}, rows={path: row})
    assert decide(root, target) == ({f"{SITE}/pkg/mod.py", f"{SITE}/{path}"}, {})


def test_bytecode_of_a_missing_source_goes(root: Path, site: Path, target: Target) -> None:
    path = "__pycache__/mod.cpython-39.pyc"
    make_installed(site, {"mod.py": "", path: "code"}, rows={path: ("", "")})
    (site / "mod.py").unlink()
    assert decide(root, target) == ({f"{SITE}/{path}"}, {})


def test_bytecode_of_a_source_that_stays_stays(root: Path, site: Path, target: Target) -> None:
    path = "__pycache__/mod.cpython-39.pyc"
    make_installed(site, {"mod.py": "", path: "code"}, rows={path: ("", "")})
    (site / "mod.py").write_text("changed = 1\n")
    assert decide(root, target) == (set(), {f"{SITE}/mod.py": CHANGED})


@pytest.mark.parametrize(
    "name", ["other.cpython-39.pyc", "mod.pyc", "mod.txt", "mod.x.cpython-39.pyc", "amod.a.pyc"]
)
def test_other_bytecode_stays(name: str, root: Path, site: Path, target: Target) -> None:
    make_installed(site, {"mod.py": ""})
    (site / "__pycache__").mkdir()
    (site / "__pycache__" / name).write_text("")
    assert decide(root, target) == ({f"{SITE}/mod.py"}, {})


def test_bytecode_without_a_listed_source_needs_a_hash(
    root: Path, site: Path, target: Target
) -> None:
    files = {"__pycache__/a.cpython-39.pyc": "", "__pycache__/b.cpython-39.pyc": "b"}
    rows: dict[str, tuple[str, str] | None] = {"__pycache__/a.cpython-39.pyc": ("", "")}
    make_installed(site, files, rows=rows)
    assert decide(root, target) == (
        {f"{SITE}/__pycache__/b.cpython-39.pyc"},
        {f"{SITE}/__pycache__/a.cpython-39.pyc": NO_HASH},
    )


def test_a_linked_bytecode_folder_is_left_alone(
    root: Path, site: Path, target: Target, tmp_path: Path
) -> None:
    make_installed(site, {"mod.py": ""})
    (tmp_path / "mod.cpython-39.pyc").write_text("")
    (site / "__pycache__").symlink_to(tmp_path)
    assert decide(root, target) == ({f"{SITE}/mod.py"}, {})


def test_a_folder_named_as_bytecode_stays(root: Path, site: Path, target: Target) -> None:
    make_installed(site, {"mod.py": ""})
    (site / "__pycache__/mod.cpython-39.pyc").mkdir(parents=True)
    assert decide(root, target) == ({f"{SITE}/mod.py"}, {})


# rows that lead where they shouldn't


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../../../bin/python3.9", "it is the interpreter"),
        ("../../../bin/python", "it is the interpreter"),
        ("../../../bin/python3", "it is the interpreter"),
        ("../../../lib/python3.9/os.py", "it lies in the standard library"),
        ("../../os.py", None),
        ("../os.py", "it lies in the standard library"),
        ("../../../pyvenv.cfg", "it makes the folder a virtual environment"),
        ("../../../bin/Activate.ps1", "it has the name of a file of the interpreter"),
        ("../../../../victim", OUTSIDE),
        ("../../../../../../../../../../../etc/victim", OUTSIDE),
        ("/etc/victim", OUTSIDE),
        ("pkg/../../../../../victim", OUTSIDE),
        ("pkg/..", "it is a folder"),
        ("pkg", "it is a folder"),
        ("../../../bin", "it is a folder"),
        ("../../..", OUTSIDE),
        ("v" * 300, "it can't be looked at: File name too long"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_rows_that_lead_elsewhere_are_not_obeyed(
    path: str, reason: str | None, root: Path, site: Path, target: Target
) -> None:
    (root.parent / "victim").write_bytes(b"")
    (root / "lib/os.py").write_bytes(b"")
    hash_, size = hashed(b"")
    make_installed(site, {"pkg/a.py": ""}, more_rows=f"{path},{hash_},{size}\n")
    gone, kept = decide(root, target)
    if reason is None:
        # below the data folder, and nothing else
        assert (gone, kept) == ({f"{SITE}/pkg/a.py", "lib/os.py"}, {})
    else:
        assert gone == {f"{SITE}/pkg/a.py"}
        assert [*kept.values()] == [reason]


def test_a_row_that_names_no_file_is_not_obeyed(root: Path, site: Path, target: Target) -> None:
    # csv refuses it before Python 3.11
    info = make_installed(site, {})
    rows = {"victim\0.py": ("victim\0.py", *hashed(b""))}
    distribution = InstalledDistribution("example", "1.0", str(info), rows)
    environment = Environment([target], InstallOptions())
    (removal,) = plan_removals([distribution], environment)
    assert removal.files == ()
    assert removal.findings[0].subject == "victim\0.py"
    assert removal.findings[0].sentence == OUTSIDE
    assert str(root / SITE / INFO / "RECORD") in {each.subject for each in removal.findings}


def test_everything_may_be_below_the_root_folder(root: Path, site: Path, target: Target) -> None:
    make_installed(site, {"../../../bin/tool": ""})
    assert decide(root, target, options=InstallOptions(folders={"data": "/"})) == ({"bin/tool"}, {})


@pytest.mark.parametrize(
    "name",
    [
        *("python2", "python3.13", "python3.13t", "pythonw3.9", "pypy3", "pypy3.10", "graalpy"),
        *("python3-config", "python3.9-config", "python3.9-gdb.py", "libpypy3.10-c.so"),
        *("activate", "activate.fish", "activate_this.py", "deactivate.bat", "PYTHON3"),
    ],
)
def test_scripts_with_names_of_the_interpreter_stay(
    name: str, root: Path, site: Path, target: Target
) -> None:
    make_installed(site, {f"../../../bin/{name}": "", f"pkg/{name}": ""})
    reason = "it has the name of a file of the interpreter"
    assert decide(root, target) == ({f"{SITE}/pkg/{name}"}, {f"bin/{name}": reason})


@pytest.mark.parametrize(
    "name", ["python-argcomplete-tool", "activate-global-python-argcomplete", "pydoctor", "2to3"]
)
def test_scripts_with_similar_names_go(name: str, root: Path, site: Path, target: Target) -> None:
    make_installed(site, {f"../../../bin/{name}": ""})
    assert decide(root, target) == ({f"bin/{name}"}, {})


@pytest.mark.parametrize("name", ["pydoc3.9", "idle3", "2to3-3.9"])
def test_tools_of_the_interpreter_stay_where_it_lives(
    name: str, root: Path, site: Path, target: Target
) -> None:
    make_installed(site, {f"../../../bin/{name}": ""})
    assert decide(root, target)[0] == {f"bin/{name}"}
    assert decide(root, make_place(root, virtual=False))[0] == set()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("lib/libpython3.9.so.1.0", "it is the interpreter's library"),
        ("lib64/libpython3.so", "it is the interpreter's library"),
        ("lib/libexample.so", None),
        ("include/python3.9/Python.h", "it is among the interpreter's headers"),
        ("include/python3.9/internal/pycore_gc.h", "it is among the interpreter's headers"),
        ("include/python3.9/Example/a.h", None),
        ("include/example.h", None),
    ],
)
def test_libraries_and_headers_of_the_interpreter_stay(
    path: str, reason: str | None, root: Path, site: Path, target: Target
) -> None:
    make_installed(site, {f"../../../{path}": ""})
    expected = ({path}, {}) if reason is None else (set(), {path: reason})
    assert decide(root, target) == expected


def test_an_interpreter_in_another_place_is_known_by_its_inode(
    root: Path, site: Path, target: Target
) -> None:
    make_installed(site, {})
    os.link(root / "bin/python3.9", site / "innocent")
    record = site / INFO / "RECORD"
    record.write_text(f"{record.read_text()}innocent,{','.join(hashed(b''))}\n")
    assert decide(root, target) == (set(), {f"{SITE}/innocent": "it is the interpreter"})


@pytest.mark.parametrize("leads_to", [None, "bin/nothing", "bin/loop"])
def test_an_interpreter_that_is_not_there_hinders_nothing(
    leads_to: str | None, root: Path, site: Path, target: Target
) -> None:
    assert target.executable is not None
    os.unlink(target.executable)
    if leads_to is not None:
        os.symlink(root / leads_to, target.executable)
        os.symlink(target.executable, root / "bin/loop")
    make_installed(site, {"a.py": ""})
    assert decide(root, target) == ({f"{SITE}/a.py"}, {})


def test_no_folder_behind_a_link_is_entered(
    root: Path, site: Path, target: Target, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "sub").mkdir(parents=True)
    for path in ("a.py", "sub/b.py"):
        (elsewhere / path).write_bytes(b"")
    make_installed(site, {})
    (site / "pkg").symlink_to(elsewhere)
    record = site / INFO / "RECORD"
    row = ",".join(hashed(b""))
    record.write_text(f"{record.read_text()}pkg/a.py,{row}\npkg/sub/b.py,{row}\npkg,{row}\n")
    reason = "a symbolic link leads to its folder"
    gone, kept = decide(root, target)
    assert gone == set()
    assert kept == {
        f"{SITE}/pkg/a.py": reason,
        f"{SITE}/pkg/sub/b.py": reason,
        f"{SITE}/pkg": "it can't be read: it is no regular file",
    }


def test_a_link_itself_goes_if_its_content_is_right(
    root: Path, site: Path, target: Target, tmp_path: Path
) -> None:
    # uv --link-mode symlink
    make_installed(site, {"a.py": "x = 1\n", "b.py": "", "c.py": ""})
    (tmp_path / "cached").write_text("x = 1\n")
    for name, leads_to in [("a.py", tmp_path / "cached"), ("b.py", tmp_path / "nothing")]:
        (site / name).unlink()
        (site / name).symlink_to(leads_to)
    gone, kept = decide(root, target)
    assert gone == {f"{SITE}/a.py", f"{SITE}/c.py"}
    assert kept == {f"{SITE}/b.py": "it can't be read: No such file or directory"}


def test_what_is_no_file_stays(root: Path, site: Path, target: Target, tmp_path: Path) -> None:
    make_installed(site, {"pipe": "", "link": ""})
    (site / "pipe").unlink()
    (site / "link").unlink()
    os.mkfifo(site / "pipe")
    os.mkfifo(tmp_path / "pipe")
    (site / "link").symlink_to(tmp_path / "pipe")
    assert decide(root, target) == (
        set(),
        {
            f"{SITE}/pipe": "it is no regular file",
            f"{SITE}/link": "it can't be read: it is no regular file",
        },
    )


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("a.py", "RECORD has several rows for it, which disagree"),
        ("./a.py", "RECORD has several rows for it, which disagree"),
        ("pkg/../a.py", "RECORD has several rows for it, which disagree"),
    ],
)
def test_rows_that_disagree_are_not_obeyed(
    second: str, reason: str, root: Path, site: Path, target: Target
) -> None:
    make_installed(site, {"a.py": ""}, more_rows=f"{second},{','.join(hashed('x'))}\n")
    assert decide(root, target) == (set(), {f"{SITE}/a.py": reason})


@pytest.mark.parametrize("second", ["a.py", "./a.py", ".\\a.py", "../site-packages/a.py"])
def test_rows_that_agree_are_one(second: str, root: Path, site: Path, target: Target) -> None:
    make_installed(site, {"a.py": ""}, more_rows=f"{second},{','.join(hashed(''))}\n")
    assert decide(root, target) == ({f"{SITE}/a.py"}, {})


# what others list


@pytest.mark.parametrize(
    "row",
    [
        "pkg/a.py,,",
        '"pkg/a.py",,',
        '"pkg/other, one.py",,\npkg/a.py,,',
        "./pkg/a.py,,",
        "pkg//a.py,,",
        "pkg\\a.py,,",
        "../site-packages/pkg/a.py,,",
        "{site}/pkg/a.py,,",
        "pkg/a.py",
        "bad,bad,bad,bad\r\npkg/a.py,,\r\n",
        "\rpkg/a.py,,",
        '"{long}",,\n"pkg/a.py",,',
        "\npkg/a.py,,",
        '""\n\n"pkg/a.py"',
    ],
)
def test_what_another_distribution_lists_stays(
    row: str, root: Path, site: Path, target: Target
) -> None:
    make_installed(site, {"pkg/a.py": "", "pkg/b.py": ""})
    record = row.format(site=site, long="x" * 200_000).encode()
    make_installed(site, {}, name="other", record=record)
    reason = "other-1.0.dist-info lists it as well"
    assert decide(root, target) == ({f"{SITE}/pkg/b.py"}, {f"{SITE}/pkg/a.py": reason})


def test_a_script_that_another_distribution_lists_stays(
    root: Path, site: Path, target: Target
) -> None:
    for name in ("example", "other"):
        make_installed(site, {"../../../bin/tool": ""}, name=name)
    assert decide(root, target)[0] == set()
    # not if it goes in the same call
    assert "bin/tool" in decide(root, target, "example", "other")[0]


def test_bytecode_that_another_distribution_lists_stays(
    root: Path, site: Path, target: Target
) -> None:
    path = "__pycache__/mod.cpython-39.pyc"
    make_installed(site, {"mod.py": "", path: ""})
    make_installed(site, {}, name="other", rows={path: ("", "")})
    assert decide(root, target)[0] == {f"{SITE}/mod.py"}


def test_another_distribution_in_the_other_site_folder_counts(tmp_path: Path) -> None:
    root = tmp_path / "env"
    target = make_environment(root, platlib=str(root / "lib64/site"))
    make_installed(root / SITE, {"pkg/a.py": "", "top.py": ""})
    rows: dict[str, tuple[str, str] | None] = {"../../lib/python3.9/site-packages/top.py": ("", "")}
    make_installed(root / "lib64/site", {}, name="other", rows=rows)
    assert decide(root, target)[0] == {f"{SITE}/pkg/a.py"}


def test_one_file_under_two_names_is_one_file(tmp_path: Path) -> None:
    root = tmp_path / "env"
    target = make_environment(root, platlib=str(root / "lib64/python3.9/site-packages"))
    (root / "lib64").symlink_to("lib")
    make_installed(root / SITE, {"a.py": "", "b.py": ""})
    make_installed(
        root / SITE,
        {},
        name="other",
        rows={"../../../lib64/python3.9/site-packages/a.py": ("", "")},
    )
    environment = Environment([target], InstallOptions())
    (removal,) = plan_removals(find_installed(["example"], environment)["example"], environment)
    names = {os.path.basename(path) for path in removal.files}
    assert "b.py" in names
    assert "a.py" not in names


def test_a_distribution_without_a_record_lists_nothing(
    root: Path, site: Path, target: Target
) -> None:
    make_installed(site, {"a.py": ""})
    for name in ("missing", "empty"):
        record = make_installed(site, {}, name=name, record=b"") / "RECORD"
        if name == "missing":
            record.unlink()
    assert decide(root, target)[0] == {f"{SITE}/a.py"}


def test_another_record_that_cannot_be_read_is_refused(
    root: Path, site: Path, target: Target
) -> None:
    make_installed(site, {"a.py": ""})
    make_installed(site, {}, name="other", record=b"\xff")
    with pytest.raises(EnvironmentRefusedError, match=r"WF515 .*other-1\.0\.dist-info/RECORD"):
        decide(root, target)


def test_of_two_versions_the_one_that_knows_a_file_counts(
    root: Path, site: Path, target: Target
) -> None:
    make_installed(site, {"a.py": "old"}, version="0.9")
    make_installed(site, {"a.py": "new"})
    gone, kept = decide(root, target)
    assert f"{SITE}/a.py" in gone
    assert kept == {}


# places


def test_pips_target_folder_has_rows_of_a_temporary_one(tmp_path: Path) -> None:
    flat = tmp_path / "app"
    for path in ("bin/tool", "share/doc/a"):
        (flat / path).parent.mkdir(parents=True)
        (flat / path).write_bytes(b"")
    rows: dict[str, tuple[str, str] | None] = {
        "../../bin/tool": hashed(b""),
        "../../share/doc/a": hashed(b""),
        "../../../victim": hashed(b""),
    }
    make_installed(flat, {"a.py": ""}, rows=rows)
    (tmp_path / "victim").write_bytes(b"")
    options = InstallOptions(flat_folder=str(flat))
    target = make_place(tmp_path / "env")
    environment = Environment([target], options)
    (removal,) = plan_removals(find_installed(["example"], environment)["example"], environment)
    gone = {os.path.relpath(path, flat) for path in removal.files}
    assert {"a.py", "bin/tool", "share/doc/a"} <= gone
    assert [finding.sentence for finding in removal.findings] == [OUTSIDE]


@pytest.mark.parametrize("row", ["../../../bin/tool", "/usr/bin/tool", "{site}/../../../bin/tool"])
def test_absolute_rows_are_as_the_target_sees_them(row: str, tmp_path: Path) -> None:
    dest = tmp_path / "dest"
    site = dest / "usr" / SITE
    (dest / "usr/bin").mkdir(parents=True)
    (dest / "usr/bin/tool").write_bytes(b"")
    make_installed(site, {}, rows={row.format(site=f"/usr/{SITE}"): hashed(b"")})
    target = make_place(tmp_path / "unused")
    usr = {"purelib": f"/usr/{SITE}", "platlib": f"/usr/{SITE}", "scripts": "/usr/bin"}
    options = InstallOptions(
        destdir=str(dest), folders={**usr, "data": "/usr", "headers": "/usr/i"}
    )
    environment = Environment([target], options)
    (removal,) = plan_removals(find_installed(["example"], environment)["example"], environment)
    assert str(dest / "usr/bin/tool") in removal.files
    assert removal.findings == ()


def test_nothing_installed_is_nothing_to_decide(target: Target) -> None:
    assert plan_removals([], Environment([target], InstallOptions())) == []


def test_a_row_without_a_name_in_the_file_system_stays(
    root: Path, site: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_installed(site, {"a.py": "", "b.py": ""})

    def ascii_only(path: str) -> os.stat_result | None:
        if path.endswith("/a.py"):
            raise UnicodeEncodeError("ascii", path, 0, 1, "ordinal not in range")
        return status_of(path)

    monkeypatch.setattr("wheelfix.installed._removal.status_of", ascii_only)
    gone, kept = decide(root, target)
    assert gone == {f"{SITE}/b.py"}
    assert kept[f"{SITE}/a.py"].startswith("it can't be looked at: 'ascii' codec")


def test_digests_are_compared_whole(root: Path, site: Path, target: Target) -> None:
    # an empty file's digest is no key to another file
    empty = hashlib.sha256(b"").hexdigest()
    make_installed(site, {"a.py": "x"}, rows={"a.py": (f"sha256={empty}", "1")})
    assert decide(root, target) == (set(), {f"{SITE}/a.py": CHANGED})
