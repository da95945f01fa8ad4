"""What wheelfix.json says is not trusted: given what it says, whether a change is taken back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.environment_maker import GNU, MODULE, MUSL, MendablePlace, install_misnamed
from support.installed_maker import hashed
from support.target_maker import make_target
from support.trees import tree
from wheelfix import codes
from wheelfix.environments import fix_environment
from wheelfix.environments._record_text import RecordText
from wheelfix.planning import Policy, Repair

if TYPE_CHECKING:
    from pathlib import Path

HASH = hashed(MODULE)[0]
ENTRY = {
    "action": "rename",
    "from": f"pkg/fast{MUSL}",
    "to": f"pkg/fast{GNU}",
    "hash": HASH,
    "by": "fix",
}


@pytest.fixture
def place(tmp_path: Path) -> MendablePlace:
    return MendablePlace(tmp_path)


def install_noted(place: MendablePlace, notes: object, **files: bytes | str) -> Path:
    """Install a distribution that brings its own wheelfix.json, as pip lets it."""
    contents = {f"pkg/fast{GNU}": MODULE, "pkg/fast.py": "", "pkg/readme.txt": "text", **files}
    info = install_misnamed(place.site, contents)
    text = notes if isinstance(notes, str) else json.dumps(notes)
    (info / "wheelfix.json").write_text(text, "utf-8")
    return info


def notes_of(*entries: object, **more: object) -> dict[str, object]:
    return {"schema": 1, "changed": list(entries), "allowed": [], **more}


def test_an_entry_that_is_right_is_undone(place: MendablePlace) -> None:
    info = install_noted(place, notes_of(ENTRY))
    undone = fix_environment(place.target, undo=True)
    assert undone.all_findings == ()
    assert (place.site / ENTRY["from"]).is_file()
    assert not (place.site / ENTRY["to"]).exists()
    assert not (info / "wheelfix.json").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"from": f"other/fast{MUSL}"}, "are not two names of one extension module"),
        ({"from": f"pkg/slow{MUSL}"}, "are not two names of one extension module"),
        ({"from": f"pkg/fast{GNU}"}, "are not two names of one extension module"),
        ({"from": "pkg/fast.py"}, "are not two names of one extension module"),
        ({"to": "pkg/fast.py", "hash": hashed("")[0]}, "are not two names of one extension"),
        (
            {"from": f"../../x/fast{MUSL}", "to": f"../../x/fast{GNU}"},
            "are not two names of one extension module",
        ),
        (
            {"from": f"/pkg/fast{MUSL}", "to": f"/pkg/fast{GNU}"},
            "are not two names of one extension module",
        ),
        ({"from": f"pkg/fast{MUSL}\0"}, "are not two names of one extension module"),
        ({"action": "keep"}, "are not two names of one extension module"),
        (
            {"from": f"lib/fast{MUSL}", "to": f"lib/fast{GNU}"},
            "RECORD doesn't list it",
        ),
        ({"hash": hashed("other")[0]}, "its content is not the one that it had then"),
        ({"hash": ""}, "its content is not the one that it had then"),
        ({"action": "duplicate"}, "of which it is a second name, is not as it was then"),
    ],
)
def test_an_entry_that_fix_could_not_have_made(
    place: MendablePlace, changes: dict[str, str], sentence: str
) -> None:
    install_noted(place, notes_of({**ENTRY, **changes}))
    before = tree(place.root)
    undone = fix_environment(place.target, undo=True)
    assert [each.code for each in undone.all_findings] == [codes.NOT_UNDONE]
    assert sentence in undone.all_findings[0].sentence
    assert not undone.is_mended
    assert tree(place.root) == before


def test_an_entry_without_hash(place: MendablePlace) -> None:
    install_noted(place, notes_of({key: each for key, each in ENTRY.items() if key != "hash"}))
    undone = fix_environment(place.target, undo=True)
    assert [each.code for each in undone.all_findings] == [codes.NOT_UNDONE]


def test_the_old_name_is_taken(place: MendablePlace) -> None:
    install_noted(place, notes_of(ENTRY))
    (place.site / ENTRY["from"]).write_bytes(MODULE)
    before = tree(place.root)
    undone = fix_environment(place.target, undo=True)
    assert undone.all_findings[0].sentence == f"{ENTRY['from']} is there as well"
    assert tree(place.root) == before


def test_two_entries_with_one_old_name(place: MendablePlace) -> None:
    second = {**ENTRY, "to": "pkg/fast.abi3.so"}
    install_noted(place, notes_of(ENTRY, second), **{"pkg/fast.abi3.so": MODULE})
    undone = fix_environment(place.target, undo=True)
    (finding,) = undone.all_findings
    assert (finding.code, finding.subject) == (codes.NOT_UNDONE, ENTRY["to"])
    assert [each.new_path for each in undone.changed[0].changes] == ["pkg/fast.abi3.so"]


def test_a_record_of_which_nothing_is_left(place: MendablePlace) -> None:
    info = install_noted(place, notes_of({**ENTRY, "action": "duplicate"}))
    (place.site / ENTRY["from"]).write_bytes(MODULE)
    (info / "RECORD").write_text(f"{ENTRY['to']},,\n", "ascii")
    fix_environment(place.target, undo=True)
    assert (info / "RECORD").read_bytes() == b""


def test_a_file_that_is_gone_or_behind_a_link(place: MendablePlace) -> None:
    install_noted(place, notes_of(ENTRY))
    (place.site / "pkg").rename(place.root / "elsewhere")
    (place.site / "pkg").symlink_to(place.root / "elsewhere")
    undone = fix_environment(place.target, undo=True)
    assert undone.all_findings[0].sentence == "a symbolic link leads to its folder"
    (place.site / "pkg").unlink()
    undone = fix_environment(place.target, undo=True)
    assert undone.all_findings[0].sentence == "its content is not the one that it had then"


def test_a_second_name_of_a_file_that_stays(place: MendablePlace) -> None:
    install_misnamed(place.site)
    before = tree(place.root)
    fix_environment(place.target, policy=Policy(Repair.DUPLICATE))
    (place.site / ENTRY["from"]).unlink()
    (place.site / ENTRY["from"]).write_bytes(b"edited")
    undone = fix_environment(place.target, undo=True)
    assert "of which it is a second name" in str(undone.all_findings[0])
    (place.site / ENTRY["from"]).write_bytes(MODULE)
    fix_environment(place.target, undo=True)
    assert tree(place.root) == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"schema": 2, "changed": [], "allowed": []}',
        '{"schema": 1, "changed": {}, "allowed": []}',
        '{"schema": 1, "changed": [1], "allowed": []}',
        '{"schema": 1, "changed": [{"from": "a"}], "allowed": []}',
        '{"schema": 1, "changed": [{"action": 1, "from": "a", "to": "b"}], "allowed": []}',
        '{"schema": 1, "changed": [], "allowed": [[]]}',
        '{"schema": 1, "changed": [], "allowed": [], "unlinked": "pkg"}',
        '{"schema": 1, "changed": [], "allowed": [], "unlinked": [1]}',
        "[" * 100_000,
    ],
)
def test_a_text_of_another_form(place: MendablePlace, text: str) -> None:
    install_noted(place, text, **{f"pkg/slow{MUSL}": MODULE})
    before = tree(place.root)
    undone = fix_environment(place.target, undo=True)
    assert [each.code for each in undone.all_findings] == [codes.NOT_UNDONE]
    fixed = fix_environment(place.target)
    assert [each.code for each in fixed.all_findings] == [codes.CANNOT_WRITE]
    assert "it is there already, and " in fixed.all_findings[0].sentence
    assert tree(place.root) == before


def test_a_text_that_can_not_be_read(place: MendablePlace) -> None:
    info = install_noted(place, "", **{f"pkg/slow{MUSL}": MODULE})
    (info / "wheelfix.json").unlink()
    (info / "wheelfix.json").mkdir()
    for undo in (False, True):
        fixed = fix_environment(place.target, undo=undo)
        assert [each.code for each in fixed.all_findings] == [codes.CANNOT_REMOVE]


def test_what_an_install_has_noted_stays(place: MendablePlace) -> None:
    installed: dict[str, Any] = {
        "schema": 1,
        "changed": [{"action": "rename", "from": "pkg/a.so", "to": "pkg/a.abi3.so"}],
        "allowed": [{"code": "WF202", "subject": "pkg/b.so"}],
    }
    text = f"{json.dumps(installed, indent=2)}\n"
    info = install_misnamed(
        place.site, {f"pkg/fast{MUSL}": MODULE, "example-1.0.dist-info/wheelfix.json": text}
    )
    before = tree(place.root)
    assert fix_environment(place.target, undo=True).distributions == ()
    fix_environment(place.target)
    notes = json.loads((info / "wheelfix.json").read_bytes())
    assert notes["changed"] == [*installed["changed"], ENTRY]
    assert notes["allowed"] == installed["allowed"]
    fix_environment(place.target, undo=True)
    assert tree(place.root) == before


def test_two_changes_one_after_the_other(place: MendablePlace) -> None:
    """The environment's interpreter was replaced twice."""
    install_misnamed(place.site, tag="cp39-cp39-linux_x86_64")
    before = tree(place.root)
    fix_environment(place.target)
    once = tree(place.root)
    musl = make_target(
        "cp39-glibc",
        extension_suffixes=(MUSL, ".abi3.so", ".so"),
        paths=place.target.paths,
        prefix=place.target.prefix,
        base_prefix="/usr",
    )
    fix_environment(musl)
    assert (place.site / ENTRY["from"]).is_file()
    (fixed,) = fix_environment(place.target, undo=True).distributions
    assert [change.new_path for change in fixed.changes] == [ENTRY["from"], ENTRY["to"]]
    assert tree(place.root) == before
    assert tree(place.root) != once


def test_a_row_that_is_not_there() -> None:
    record = RecordText("one.so,,\n")
    record.rename("two.so", "three.so")
    assert record.text == "one.so,,\n"
