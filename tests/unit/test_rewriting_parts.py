"""The pure parts of a repair: order, times, RECORD, WHEEL, tags, and what is told of the repair."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.target_maker import make_target
from wheelfix import codes
from wheelfix.archive import PackedMember
from wheelfix.codes import Finding
from wheelfix.elf import ElfFacts
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.planning import Action, Decision, Member, Plan, Wheel
from wheelfix.platforms import elf_architecture_of_tag
from wheelfix.rewriting._layout import is_signature, member_order, member_time, record_text
from wheelfix.rewriting._members import OldWheel, WrittenFile, new_members
from wheelfix.rewriting._metadata import corrected_wheel_file, file_name_with, repair_file
from wheelfix.rewriting._model import NewMember
from wheelfix.rewriting._tags import TagSet, kept_tags
from wheelfix.wheel_tags import parse_wheel_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

INFO = "example-1.0.dist-info"
FILE_NAME = "example-1.0-cp39-cp39-linux_x86_64.whl"
TAGS = TagSet.of_file_name(FILE_NAME)


class TestTime:
    @pytest.mark.parametrize(
        ("epoch", "time"),
        [
            (None, (1980, 1, 1, 0, 0, 0)),
            ("", (1980, 1, 1, 0, 0, 0)),
            ("0", (1980, 1, 1, 0, 0, 0)),
            ("-1", (1980, 1, 1, 0, 0, 0)),
            ("315532800", (1980, 1, 1, 0, 0, 0)),
            ("1700000001", (2023, 11, 14, 22, 13, 20)),
            ("1700000003", (2023, 11, 14, 22, 13, 22)),
            ("99999999999", (2107, 12, 31, 23, 59, 58)),
        ],
    )
    def test_time(self, epoch: str | None, time: tuple[int, ...]) -> None:
        assert member_time(epoch) == time

    @pytest.mark.parametrize("epoch", ["now", "1.5", "-", "--1", " 1", "٣", "1" * 13])
    def test_what_is_no_number_is_refused(self, epoch: str) -> None:
        with pytest.raises(EnvironmentRefusedError) as refused:
            member_time(epoch)
        assert refused.value.code is codes.BAD_SOURCE_DATE_EPOCH


def test_order() -> None:
    paths = [
        "example/a.py",
        "example/b.so",
        "example-1.0.data/scripts/run",
        f"{INFO}/METADATA",
        f"{INFO}/WHEEL",
        f"{INFO}/RECORD.jws",
        f"{INFO}/RECORD",
        "zzz.py",
    ]
    assert sorted(paths, key=lambda path: member_order(path, INFO)) == [
        "example-1.0.data/scripts/run",
        "example/a.py",
        "example/b.so",
        "zzz.py",
        f"{INFO}/METADATA",
        f"{INFO}/RECORD.jws",
        f"{INFO}/WHEEL",
        f"{INFO}/RECORD",
    ]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (f"{INFO}/RECORD", False),
        (f"{INFO}/RECORD.jws", True),
        (f"{INFO}/RECORD.p7s", True),
        (f"{INFO}/RECORD.sig", True),
        (f"{INFO}/licenses/RECORD.jws", False),
        (f"{INFO}/RECORD.d/a", False),
        ("RECORD.jws", False),
    ],
)
def test_signature(path: str, answer: bool) -> None:  # noqa: FBT001 - one column of the table
    assert is_signature(path, INFO) is answer


def test_record_is_written_as_csv() -> None:
    members = [
        NewMember("a,b.py", b"", "sha256=x", 0),
        NewMember(f"{INFO}/RECORD.jws", b"{}", "", 2),
        NewMember("line\u2028end.py", b"1", "sha256=y", 1),
    ]
    assert record_text(members, INFO) == (
        f'"a,b.py",sha256=x,0\nline\u2028end.py,sha256=y,1\n{INFO}/RECORD,,\n'
    )


def packed(path: str, *, is_executable: bool = False) -> PackedMember:
    return PackedMember(
        path,
        data_offset=0,
        compressed_size=1,
        size=1,
        method=0,
        is_executable=is_executable,
        crc=0,
        record_hash="",
        must_match=True,
        wheel=FILE_NAME,
        read=lambda _offset, size: b"x" * size,
    )


def old_wheel(*paths: str, record: str = "", executable: str | None = None) -> OldWheel:
    members = {path: packed(path) for path in (*paths, f"{INFO}/RECORD")}
    if executable is not None:
        members[executable] = packed(executable, is_executable=True)
    digests = {path: f"sha256={path}" for path in members}
    return OldWheel(members, digests, INFO, "example-1.0.data", record)


class TestMembers:
    def test_names_follow_the_plan(self) -> None:
        plan = Plan(
            FILE_NAME,
            (
                Decision("pkg/a.x.so", Action.RENAME, "pkg/a.so"),
                Decision("pkg/b.x.so", Action.DUPLICATE, "pkg/b.so"),
                Decision("pkg/__pycache__/c.pyc", Action.LEAVE_OUT),
            ),
        )
        old = old_wheel("pkg/a.x.so", "pkg/b.x.so", "pkg/__pycache__/c.pyc", "pkg/d.py")
        members, notes = new_members(old, plan, {})
        assert [(each.path, each.digest) for each in members[:-1]] == [
            ("pkg/a.so", "sha256=pkg/a.x.so"),
            ("pkg/b.so", "sha256=pkg/b.x.so"),
            ("pkg/b.x.so", "sha256=pkg/b.x.so"),
            ("pkg/d.py", "sha256=pkg/d.py"),
        ]
        assert members[-1].path == f"{INFO}/RECORD"
        assert isinstance(members[-1].content, bytes)
        assert members[-1].size == len(members[-1].content)
        assert notes == []

    def test_new_contents(self) -> None:
        written = {
            "pkg/a.so": WrittenFile(b"new", "sha256=new"),
            f"{INFO}/more.json": WrittenFile(b"{}", "sha256=more"),
        }
        members, _ = new_members(old_wheel("pkg/a.so"), Plan(FILE_NAME), written)
        assert members[:-1] == [
            NewMember("pkg/a.so", b"new", "sha256=new", 3),
            NewMember(f"{INFO}/more.json", b"{}", "sha256=more", 2),
        ]

    def test_executable_are_what_was_so_and_scripts(self) -> None:
        old = old_wheel(
            "example-1.0.data/scripts/run",
            "example-1.0.data/data/run",
            "pkg/a.py",
            executable="pkg/b.so",
        )
        members, _ = new_members(old, Plan(FILE_NAME), {})
        assert [each.path for each in members if each.is_executable] == [
            "example-1.0.data/scripts/run",
            "pkg/b.so",
        ]

    def test_a_signature_goes_with_its_record(self) -> None:
        plan = Plan(FILE_NAME)
        path = f"{INFO}/RECORD.p7s"
        members, notes = new_members(old_wheel("a.py", path), plan, {})
        assert path not in [each.path for each in members]
        sentence = "it signs a RECORD that is no longer the wheel's"
        assert notes == [Finding(codes.SIGNATURE_DROPPED, path, sentence)]
        record = members[-1].content
        assert isinstance(record, bytes)
        members, notes = new_members(old_wheel("a.py", path, record=record.decode()), plan, {})
        assert [each.path for each in members] == ["a.py", path, f"{INFO}/RECORD"]
        assert notes == []


class TestWheelFile:
    HEAD = "Wheel-Version: 1.0\nGenerator: it\nRoot-Is-Purelib: false\n"
    RIGHT = f"{HEAD}Tag: cp39-cp39-linux_x86_64\n"

    @pytest.mark.parametrize(
        "text",
        [
            RIGHT,
            RIGHT.replace("false", "False"),
            RIGHT.replace("Root-Is-Purelib: false\n", ""),
            RIGHT.replace("false", "true"),
            RIGHT.replace("\n", "\r\n"),
            RIGHT.replace("linux", "LINUX"),
        ],
    )
    def test_one_that_agrees_stays(self, text: str) -> None:
        assert corrected_wheel_file(text, FILE_NAME, TAGS) == text

    @pytest.mark.parametrize(
        "text",
        [
            HEAD,
            RIGHT.replace("cp39", "cp310"),
            RIGHT + "Tag: cp38-cp38-linux_x86_64\n",
            RIGHT + "Build: 1\n",
            f"{HEAD}Tag: nonsense\n",
            f"Root-Is-Purelib: false\n{RIGHT}",
            HEAD.replace("\n", "\r\n"),
            f"{RIGHT}\nbody\n".replace("cp39-cp39", "cp39-abi3").replace("body\n", ""),
        ],
    )
    def test_one_that_does_not_is_made_to(self, text: str) -> None:
        expected = self.HEAD.replace("\r\n", "\n") + "Tag: cp39-cp39-linux_x86_64\n"
        assert corrected_wheel_file(text, FILE_NAME, TAGS) == expected

    def test_true_in_capital_letters(self) -> None:
        # WheelArchive puts a line before it that installer understands
        text = "Root-Is-Purelib: true\n" + self.RIGHT.replace("false", "True")
        expected = self.RIGHT.replace("false", "true")
        assert corrected_wheel_file(text, FILE_NAME, TAGS) == expected

    def test_build_number(self) -> None:
        file_name = FILE_NAME.replace("1.0-", "1.0-7-")
        text = corrected_wheel_file(self.RIGHT, file_name, TAGS)
        assert text == f"{self.RIGHT}Build: 7\n"
        assert corrected_wheel_file(text, file_name, TAGS) == text


def test_file_name_with_other_tags() -> None:
    tags = TagSet(("cp39",), ("cp39",), ("a", "b"))
    assert str(tags) == "cp39-cp39-a.b"
    assert tags.lines() == ["cp39-cp39-a", "cp39-cp39-b"]
    assert file_name_with(FILE_NAME, tags) == "example-1.0-cp39-cp39-a.b.whl"
    assert file_name_with("e-1-2a-py3-none-any.whl", tags) == "e-1-2a-cp39-cp39-a.b.whl"


class TestRepairFile:
    ONE: Mapping[str, Any] = {"schema": 1, "changed": [{"from": "a", "to": "b"}], "allowed": []}
    TWO: Mapping[str, Any] = {"schema": 1, "changed": [{"from": "b", "to": "c"}], "allowed": []}

    def test_nothing_changed(self) -> None:
        assert repair_file({}, None) is None
        assert repair_file({}, "no JSON") == "no JSON"

    def test_first_repair(self) -> None:
        assert json.loads(repair_file(self.ONE, None) or "") == self.ONE

    def test_second_repair(self) -> None:
        before = repair_file(self.ONE, None)
        assert repair_file({}, before) == before
        assert repair_file(self.ONE, before) == before
        both = json.loads(repair_file(self.TWO, before) or "")
        assert both == {**self.ONE, "changed": self.ONE["changed"] + self.TWO["changed"]}

    @pytest.mark.parametrize(
        "before", ["", "[]", "1", "no JSON", '{"changed": 1}', "[" * 100000, '{"allowed": null}']
    )
    def test_what_cannot_be_read_is_replaced(self, before: str) -> None:
        assert json.loads(repair_file(self.ONE, before) or "") == self.ONE


def module(path: str, *families: str, platform: str = "linux_x86_64") -> Member:
    stem = path.rpartition("/")[2].partition(".")[0]
    architecture = elf_architecture_of_tag(platform)
    assert architecture is not None
    facts = ElfFacts(
        architecture=architecture,
        is_shared_object=True,
        soname=None,
        needed=(),
        version_needs=(),
        libc_families=frozenset(families),
        init_symbols=frozenset({f"PyInit_{stem}"}),
    )
    return Member(path, "platlib", path, "elf", architecture, facts)


GNU = "x86_64-linux-gnu"


class TestTags:
    @pytest.mark.parametrize(
        ("tags", "members", "kept"),
        [
            ("cp39-cp39-musllinux_1_1_x86_64", [module(f"m.cpython-39-{GNU}.so", "musl")], None),
            ("cp39-cp39-linux_x86_64", [module("m.so", "musl")], None),
            ("py3-none-any", [module(f"m.cpython-39-{GNU}.so", "musl")], None),
            # abi3, but for one version
            ("cp39-abi3-linux_x86_64", [module("m.abi3.so")], None),
            ("cp39-abi3-linux_x86_64", [module("m.so")], None),
            (
                "cp39-abi3-linux_x86_64",
                [module(f"m.cpython-311-{GNU}.so"), module("n.abi3.so")],
                "cp311-cp311-linux_x86_64",
            ),
            (
                "cp39-abi3-linux_x86_64",
                [module(f"m.cpython-313t-{GNU}.so")],
                "cp313-cp313t-linux_x86_64",
            ),
            (
                "cp39-abi3-linux_x86_64",
                [module(f"m.cpython-311-{GNU}.so"), module("m.abi3.so")],
                None,
            ),
            (
                "cp39-abi3-linux_x86_64",
                [module(f"m.cpython-311-{GNU}.so"), module(f"n.cpython-312-{GNU}.so")],
                None,
            ),
            ("cp39-abi3-linux_x86_64", [module(f"m.pypy39-pp73-{GNU}.so")], None),
            # no module that an import reaches
            ("cp39-abi3-linux_x86_64", [module(f"no-name/m.cpython-311-{GNU}.so")], None),
            ("cp39-abi3-linux_x86_64", [module("libm.so.5")], None),
            # platforms that contradict
            (
                "cp39-cp39-manylinux_2_17_x86_64.musllinux_1_1_x86_64",
                [module("m.so", "musl")],
                "cp39-cp39-musllinux_1_1_x86_64",
            ),
            (
                "cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64",
                [module("m.so", "glibc")],
                None,
            ),
            ("cp39-cp39-manylinux_2_17_x86_64.musllinux_1_1_x86_64", [module("m.so")], None),
            (
                "cp39-cp39-linux_aarch64.linux_x86_64.any",
                [module("m.so")],
                "cp39-cp39-linux_x86_64.any",
            ),
            (
                "cp39-cp39-linux_aarch64.linux_x86_64",
                [
                    module(f"m.cpython-39-{GNU}.so"),
                    module("m.cpython-39-aarch64-linux-gnu.so", platform="linux_aarch64"),
                ],
                None,
            ),
            # nothing would be left
            ("cp39-cp39-musllinux_1_1_x86_64", [module("m.so", "glibc")], None),
        ],
    )
    def test_kept(self, tags: str, members: list[Member], kept: str | None) -> None:
        wheel = Wheel(f"e-1-{tags}.whl", parse_wheel_tags(tags), tuple(members))
        plan = Plan(wheel.file_name)
        found = kept_tags(TagSet.of_file_name(wheel.file_name), wheel, plan, [make_target()])
        assert str(found) == (kept or tags)

    @pytest.mark.parametrize(
        ("tags", "names", "targets", "kept"),
        [
            # every version finds the new name, and so only its own may install the wheel
            ("py3-none-linux_x86_64", [("cpython-39", "bare")], "cp39-gnu", "cp39-cp39"),
            ("cp39-none-linux_x86_64", [("cpython-39", "bare")], "cp39-gnu", "cp39-cp39"),
            ("py2.py3-none-any", [("cpython-313t", "bare")], "cp313t-glibc", "cp313-cp313t"),
            ("cp38-abi3.cp39-linux_x86_64", [("cpython-39", "bare")], "cp39-gnu", "cp39-cp39"),
            ("cp310.cp39-cp310.cp39-any", [("cpython-39", "bare")], "cp39-gnu", "cp39-cp39"),
            # a second name is one more that is found
            ("py3-none-linux_x86_64", [("cpython-39", "both")], "cp39-gnu", "cp39-cp39"),
            # each target has its own module
            (
                "cp310.cp39-abi3-linux_x86_64",
                [("cpython-39", "bare"), ("cpython-310", "")],
                "cp39-gnu cp310-glibc",
                "cp310.cp39-cp39.cp310",
            ),
            (
                "py3-none-linux_x86_64",
                [("cpython-39", "bare"), ("cpython-310", "bare")],
                "cp39-gnu",
                "cp39.cp310-cp39.cp310",
            ),
            # right as they are
            ("cp39-cp39-linux_x86_64", [("cpython-39", "bare")], "cp39-gnu", None),
            ("py3-none-linux_x86_64", [("cpython-39", "")], "cp39-gnu", None),
            ("cp39-abi3-linux_x86_64", [("abi3", "bare")], "cp39-gnu", None),
            ("py3-none-linux_x86_64", [("pypy39-pp73", "bare")], "pypy39-glibc", None),
        ],
    )
    def test_a_module_for_one_version_under_a_name_for_all(
        self, tags: str, names: list[tuple[str, str]], targets: str, kept: str | None
    ) -> None:
        members, decisions = [], []
        for number, (abi, new) in enumerate(names):
            path = f"m{number}.{abi}-{GNU}.so"
            members.append(module(path))
            if new:
                action = Action.DUPLICATE if new == "both" else Action.RENAME
                decisions.append(Decision(path, action, f"m{number}.so"))
        found = self.kept(tags, members, decisions, targets)
        assert found == (f"{kept}-{tags.split('-')[2]}" if kept else tags)

    def test_one_that_only_a_path_entry_leads_to(self) -> None:
        path = f"other-files/m.cpython-39-{GNU}.so"
        decisions = [Decision(path, Action.DUPLICATE, "other-files/m.so")]
        for entries, kept in [((), "py3-none-any"), (("other-files",), "cp39-cp39-any")]:
            found = self.kept("py3-none-any", [module(path)], decisions, "cp39-gnu", entries)
            assert found == kept

    def kept(
        self,
        tags: str,
        members: list[Member],
        decisions: list[Decision],
        targets: str,
        path_entries: tuple[str, ...] = (),
    ) -> str:
        name = f"e-1-{tags}.whl"
        wheel = Wheel(name, parse_wheel_tags(tags), tuple(members), path_entries=path_entries)
        plan = Plan(name, tuple(decisions))
        made = [make_target(each) for each in targets.split()]
        return str(kept_tags(TagSet.of_file_name(name), wheel, plan, made))
