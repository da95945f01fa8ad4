"""Fifty calls at once in one place: each waits its turn, and none sees half of another's work."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.crowd import all_at_once, halted_at, wait_for
from support.faults import calls_of
from support.places import Ended, Prefix, Wheels, make_wheels
from support.wheel_maker import make_wheel, record_hash
from wheelfix.transactions import STAGING_NAME

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.faults

CROWD = 50


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    return make_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def different(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Distributions that share folders, but no file."""
    folder = tmp_path_factory.mktemp("different")
    return [
        make_wheel(
            folder,
            {
                f"common/module_{number}.py": f"{number}\n",
                f"package_{number}/__init__.py": f"{number}\n" * 100,
                f"package_{number}-1.0.data/data/share/common/{number}": f"{number}\n",
            },
            name=f"package_{number}",
            entry_points=f"[console_scripts]\nrun-{number} = package_{number}:main\n",
        )
        for number in range(CROWD)
    ]


def install(place: Prefix, *arguments: str | Path) -> list[str]:
    options = ["install", *place.where, "--no-compile-bytecode"]
    return [*options, *map(str, arguments)]


def assert_waited(ended: list[Ended], place: Prefix) -> None:
    """All said is that they waited, and for how long at most."""
    for each in ended:
        for line in each.errors.splitlines():
            assert line.startswith("wheelfix: another call is at work in /"), line
            assert line.endswith("; waiting up to 60 seconds for it")
    assert any(each.errors for each in ended)
    assert place.is_tidy()


def assert_agrees_with_records(place: Prefix) -> None:
    """Every RECORD tells what is there, and together they tell of all that is there."""
    listed = []
    for record in place.site.glob("*.dist-info/RECORD"):
        for row in record.read_text("utf-8").splitlines():
            path, digest, size = row.rsplit(",", 2)
            content = (place.site / path).read_bytes()
            if digest:
                assert (digest, size) == (record_hash(content), str(len(content)))
            listed.append((place.site / path).resolve())
    files = [path for path in place.folder.resolve().rglob("*") if not path.is_dir()]
    assert sorted(listed) == sorted(files)


def test_fifty_distributions(wheels: Wheels, different: list[Path], tmp_path: Path) -> None:
    one_by_one = Prefix(tmp_path / "prefix", wheels)
    for each in different:
        assert one_by_one.install(each) == Ended(0, "")
    expected = one_by_one.tree()
    one_by_one.folder.rename(tmp_path / "one by one")

    place = Prefix(tmp_path / "prefix", wheels)
    place.folder.mkdir()
    ended = all_at_once([install(place, each) for each in different], tmp_path)
    assert [each.status for each in ended] == [0] * CROWD
    assert_waited(ended, place)
    assert place.tree() == expected
    assert_agrees_with_records(place)


def test_fifty_distributions_in_a_place_that_is_not_there_yet(
    wheels: Wheels, different: list[Path], tmp_path: Path
) -> None:
    place = Prefix(tmp_path / "deep" / "down" / "prefix", wheels)
    for number in range(3):
        ended = all_at_once([install(place, each) for each in different], tmp_path)
        assert {each.status for each in ended} == {0 if number == 0 else 1}
        assert_agrees_with_records(place)
    assert place.is_tidy()
    assert list((tmp_path / "deep").rglob(STAGING_NAME)) == []


def test_fifty_programs(wheels: Wheels, different: list[Path], tmp_path: Path) -> None:
    """As other tools start them, each with an interpreter of its own."""
    place = Prefix(tmp_path / "prefix", wheels)
    program = [sys.executable, "-W", "error", "-m", "wheelfix"]
    started = [
        subprocess.Popen(
            [*program, *install(place, each)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for each in different
    ]
    for each in started:
        output, errors = each.communicate(timeout=120)
        assert (each.returncode, output) == (0, b""), errors
    assert place.is_tidy()
    assert_agrees_with_records(place)


def test_fifty_times_the_same(wheels: Wheels, tmp_path: Path) -> None:
    """One installs it, and the others say that it is there."""
    place = Prefix(tmp_path / "prefix", wheels)
    ended = all_at_once([install(place, wheels.first)] * CROWD, tmp_path)
    assert sorted(each.status for each in ended) == [0] + [1] * (CROWD - 1)
    for each in ended:
        assert set(each.codes()) == ({"WF505"} if each.status else set())
    assert place.is_tidy()
    assert_agrees_with_records(place)


def test_fifty_upgrades(wheels: Wheels, tmp_path: Path) -> None:
    """Each replaces what the one before it has installed."""
    place = Prefix(tmp_path / "prefix", wheels)
    old, new = place.rehearse()
    for wheel, expected in ((wheels.first, old), (wheels.second, new)):
        ended = all_at_once([install(place, "--upgrade", wheel)] * CROWD, tmp_path)
        assert [each.status for each in ended] == [0] * CROWD
        assert_waited(ended, place)
        assert place.tree() == expected


def test_installs_and_uninstalls_at_once(wheels: Wheels, tmp_path: Path) -> None:
    place = Prefix(tmp_path / "prefix", wheels)
    old, new = place.rehearse()
    assert place.uninstall() == Ended(0, "")
    none = place.tree()
    commands = [
        install(place, "--upgrade", wheels.first),
        install(place, "--upgrade", wheels.second),
        ["uninstall", *place.where, "thing"],
        ["recover", *place.where],
    ]
    ended = all_at_once(commands * 12, tmp_path)
    assert [each.status for each in ended] == [0] * 48
    assert place.is_tidy()
    assert place.tree() in (old, new, none)


@pytest.mark.parametrize("part", [0.3, 0.8])
def test_one_dies_while_fifty_wait(
    part: float, wheels: Wheels, different: list[Path], tmp_path: Path
) -> None:
    """Before its commit or halfway through it."""
    place = Prefix(tmp_path / "prefix", wheels)
    old, new = place.rehearse()
    assert place.uninstall() == place.install() == Ended(0, "")
    count = len(calls_of(place.upgrade))
    assert place.uninstall() == place.install() == Ended(0, "")
    assert place.tree() == old
    with halted_at(int(count * part), place.upgrade) as halted:

        def kill() -> None:
            wait_for(lambda: all(is_waiting(number) for number in range(CROWD)))
            halted.kill()

        def is_waiting(number: int) -> bool:
            file = tmp_path / f"errors-{number}"
            return file.exists() and "waiting up to 60 seconds" in file.read_text("utf-8")

        ended = all_at_once([install(place, each) for each in different], tmp_path, kill)
    assert [each.status for each in ended] == [0] * CROWD
    assert sum(each.errors.count("WF511") for each in ended) >= 1
    assert place.is_tidy()
    assert_agrees_with_records(place)
    expected = new if part > 0.5 else old
    found = place.tree()
    assert {path: found.get(path) for path in expected} == expected
    gone = {*old, *new} - {*expected}
    assert gone.isdisjoint(found)


def test_waiting_has_an_end(wheels: Wheels, different: list[Path], tmp_path: Path) -> None:
    place = Prefix(tmp_path / "prefix", wheels)
    old, new = place.rehearse()
    assert place.uninstall() == place.install() == Ended(0, "")
    count = len(calls_of(place.upgrade))
    assert place.uninstall() == place.install() == Ended(0, "")
    with halted_at(int(count * 0.8), place.upgrade) as halted:
        halfway = place.tree()
        assert halfway not in (old, new)
        commands = [install(place, "--wait", "0.5", each) for each in different]
        commands[:2] = (
            ["uninstall", *place.where, "--wait", "0.5", "thing"],
            ["recover", *place.where, "--wait", "0.5"],
        )
        for each in all_at_once(commands, tmp_path):
            first, second, *_ = each.errors.splitlines()
            assert each.status == 1
            assert first.startswith("wheelfix: another call is at work in /")
            assert first.endswith("; waiting up to 0.5 seconds for it")
            assert second.startswith("wheelfix: error: WF510 /")
            assert second.endswith("another call has not finished within 0.5 seconds")
        assert place.tree() == halfway
        assert halted.go_on() == 0
    assert place.tree() == new
