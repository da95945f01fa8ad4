"""Several wheels in one call, and how new files take their names: all of them, or none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.elf_maker import extension_module
from support.target_maker import make_target
from support.trees import tree
from support.wheel_maker import make_wheel
from wheelfix.errors import EnvironmentRefusedError, WheelRefusedError
from wheelfix.rewriting import repair_wheels
from wheelfix.rewriting._placing import give_names, new_folder

if TYPE_CHECKING:
    from typing import Any

GNU_NAME = "pkg/mod.cpython-39-x86_64-linux-gnu.so"
TAGS = "cp39-cp39-musllinux_1_1_x86_64"
MUSL = [make_target("cp39-musl", executable=None)]


@pytest.fixture(autouse=True)
def _no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def wheel_of(folder: Path, libc: str = "musl", **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    return make_wheel(folder, {GNU_NAME: extension_module("mod", libc=libc)}, tags=TAGS, **changes)


class TestSeveral:
    def test_which_wheel_is_refused(self, tmp_path: Path) -> None:
        good, one, other = (
            wheel_of(tmp_path, libc, name=name)
            for name, libc in [("good", "musl"), ("one", "glibc"), ("other", "glibc")]
        )
        broken = tmp_path / "broken-1.0-py3-none-any.whl"
        broken.write_bytes(b"no zip")
        with pytest.raises(WheelRefusedError) as refused:
            repair_wheels([good, one, other, broken], tmp_path / "new", MUSL)
        assert [(each.code.id, each.subject) for each in refused.value.findings] == [
            ("WF202", f"{one}: {GNU_NAME}"),
            ("WF202", f"{other}: {GNU_NAME}"),
            ("WF401", str(broken)),
        ]
        assert not (tmp_path / "new").exists()

    def test_of_a_single_one_that_is_known(self, tmp_path: Path) -> None:
        with pytest.raises(WheelRefusedError) as refused:
            repair_wheels([wheel_of(tmp_path, "glibc")], tmp_path / "new", MUSL)
        assert [each.subject for each in refused.value.findings] == [GNU_NAME]

    def test_all_are_written_or_none(self, tmp_path: Path) -> None:
        new = tmp_path / "new"
        first, second, third = (
            wheel_of(tmp_path / "old", name=name) for name in ("first", "second", "third")
        )
        new.mkdir()
        (new / first.name).write_text("another")
        (new / third.name / "in the way").mkdir(parents=True)
        before = tree(new)
        with pytest.raises(EnvironmentRefusedError, match="it is a folder"):
            repair_wheels([first, second, third], new, MUSL)
        assert tree(new) == before


class TestNames:
    @pytest.fixture
    def moves(self, tmp_path: Path) -> list[tuple[str, str]]:
        """Three new files, of which the first takes an old one's name."""
        moves = []
        for name in ("first", "second", "third"):
            (tmp_path / "staging" / name).mkdir(parents=True)
            new = tmp_path / "staging" / name / "new"
            new.write_text(f"new {name}")
            moves.append((str(new), str(tmp_path / name)))
        Path(moves[0][1]).write_text("old first")
        return moves

    def test_all_are_taken(self, moves: list[tuple[str, str]]) -> None:
        give_names(moves)
        assert [Path(path).read_text() for _, path in moves] == [
            "new first",
            "new second",
            "new third",
        ]

    def test_none_is_if_one_cannot_be(self, moves: list[tuple[str, str]]) -> None:
        first, second, third = (Path(path) for _, path in moves)
        # since the call began
        third.mkdir()
        with pytest.raises(IsADirectoryError):
            give_names(moves)
        assert first.read_text() == "old first"
        assert not second.exists()
        assert third.is_dir()

    @pytest.mark.parametrize("fails", [True, False])
    def test_a_link_is_replaced_or_put_back(
        self, *, fails: bool, moves: list[tuple[str, str]], tmp_path: Path
    ) -> None:
        first, third = Path(moves[0][1]), Path(moves[2][1])
        first.unlink()
        (tmp_path / "elsewhere").write_text("elsewhere")
        first.symlink_to("elsewhere")
        if fails:
            third.mkdir()
            with pytest.raises(IsADirectoryError):
                give_names(moves)
        else:
            give_names(moves)
        assert first.is_symlink() == fails
        assert first.read_text() == ("elsewhere" if fails else "new first")
        assert (tmp_path / "elsewhere").read_text() == "elsewhere"


class TestFolder:
    def test_the_name_that_could_not_be_taken_is_told(self, tmp_path: Path) -> None:
        place = tmp_path / "place"
        (place / "x.whl").mkdir(parents=True)
        with pytest.raises(EnvironmentRefusedError) as refused:
            self.move_to(str(place / "x.whl"), str(place))
        (finding,) = refused.value.findings
        assert finding.subject == str(place / "x.whl")
        assert finding.sentence == "Is a directory"
        assert os.listdir(place) == ["x.whl"]

    def move_to(self, path: str, place: str) -> None:
        with new_folder(place) as staging:
            new = os.path.join(staging, "new")
            Path(new).write_text("")
            give_names([(new, path)])

    def test_a_file_in_its_place(self, tmp_path: Path) -> None:
        (tmp_path / "place").write_text("")
        with pytest.raises(EnvironmentRefusedError) as refused:
            repair_wheels([wheel_of(tmp_path)], tmp_path / "place", MUSL)
        (finding,) = refused.value.findings
        assert (finding.subject, finding.sentence) == (str(tmp_path / "place"), "Not a directory")
