"""Overlays as containers have them, and prefixes that are several file systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

import pytest

from support.faults import calls_of, stopped_at
from support.mounts import in_mount_namespace, mount_overlay, mount_tmpfs, unmount
from support.places import Ended, Prefix, Wheels, command, make_wheels
from support.trees import tree
from wheelfix.layout import SCHEMES

if TYPE_CHECKING:
    from pathlib import Path

    from support.places import Tree

pytestmark = pytest.mark.faults

ACTIONS = ("install", "upgrade", "uninstall")
OVERLAYS = pytest.mark.parametrize(
    "options",
    [
        "redirect_dir=off,index=off,metacopy=off",
        "redirect_dir=on",
        "metacopy=on,redirect_dir=on",
        "index=on",
        # as containers have it that are started without root
        "userxattr",
    ],
)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    return make_wheels(tmp_path_factory.mktemp("wheels"))


class Layers(Prefix):
    """A prefix on an overlay; the lower layer holds what an image would."""

    def __init__(self, folder: Path, wheels: Wheels, options: str) -> None:
        super().__init__(folder / "merged", wheels)
        self._options = options
        self._lower = mount_tmpfs(folder / "lower")
        self._above = folder / "above"
        self._is_mounted = False

    def fill_lower(self, *wheels: Path) -> None:
        """Install into the lower layer."""
        for each in wheels:
            assert command(
                "install", "--prefix", self._lower, "--no-compile-bytecode", each
            ) == Ended(0, "")

    def lower_tree(self) -> Tree:
        return tree(self._lower)

    def mount(self) -> None:
        """Mount it with an empty upper layer."""
        if self._is_mounted:
            unmount(self.folder)
            unmount(self._above)
        mount_tmpfs(self._above)
        mount_overlay(
            self.folder, self._lower, self._above / "upper", self._above / "work", self._options
        )
        self._is_mounted = True


def die_everywhere(
    place: Prefix, reset: Callable[[], object], action: Callable[[], Ended], every: int
) -> tuple[int, int]:
    """Let a call die before many of its file-system calls, and recover.

    :param reset: makes the old state.
    :param every: how many file-system calls lie between two deaths.
    :return: how many calls were undone, and how many completed.
    """
    reset()
    old = place.tree()
    assert action() == Ended(0, "")
    new = place.tree()
    assert old != new
    assert place.is_tidy()
    reset()
    count = len(calls_of(action))
    outcomes = []
    for number in [*range(1, count, every), count]:
        reset()
        assert place.tree() == old
        assert stopped_at(number, action)
        done = place.recover()
        assert done == Ended(0, "")
        state = place.tree()
        assert state in (old, new), number
        outcomes.append(state == new)
    # once committed, it stays so
    assert outcomes == sorted(outcomes)
    return outcomes.count(False), outcomes.count(True)


@OVERLAYS
@in_mount_namespace
def test_what_is_done_on_an_overlay(options: str, wheels: Wheels, tmp_path: Path) -> None:
    plain = Prefix(tmp_path / "plain", wheels)
    plain.populate()
    first = plain.tree()
    assert plain.upgrade() == Ended(0, "")
    second = plain.tree()
    assert plain.uninstall() == Ended(0, "")
    none = plain.tree()

    place = Layers(tmp_path, wheels, options)
    place.fill_lower(wheels.neighbour, wheels.first)
    lower = place.lower_tree()
    place.mount()
    assert place.tree() == first
    for _ in range(2):
        assert place.upgrade() == Ended(0, "")
        assert place.tree() == second
        assert place.uninstall() == Ended(0, "")
        assert place.tree() == none
        assert place.install() == Ended(0, "")
        assert place.tree() == first
    assert place.lower_tree() == lower


@OVERLAYS
@pytest.mark.parametrize("what", ACTIONS)
@in_mount_namespace
def test_whoever_dies_on_an_overlay_is_recovered(
    what: str, options: str, wheels: Wheels, tmp_path: Path
) -> None:
    place = Layers(tmp_path, wheels, options)
    place.fill_lower(wheels.neighbour, *([] if what == "install" else [wheels.first]))
    lower = place.lower_tree()
    undone, completed = die_everywhere(place, place.mount, getattr(place, what), 5)
    assert min(undone, completed) > 3
    assert place.lower_tree() == lower


@in_mount_namespace
def test_whoever_dies_while_recovering_on_an_overlay_is_recovered(
    wheels: Wheels, tmp_path: Path
) -> None:
    place = Layers(tmp_path, wheels, "redirect_dir=off")
    place.fill_lower(wheels.neighbour, wheels.first)
    place.mount()
    old = place.tree()
    assert place.upgrade() == Ended(0, "")
    new = place.tree()
    assert place.recover() == Ended(0, "")
    place.mount()
    count = len(calls_of(place.upgrade))
    stopped = 0
    for number in range(count // 2, count, 25):
        for second in range(5, 1000, 25):
            place.mount()
            assert stopped_at(number, place.upgrade)
            was_stopped = stopped_at(second, place.recover)
            assert place.recover() == Ended(0, "")
            assert place.tree() in (old, new), (number, second)
            stopped += was_stopped
            if not was_stopped:
                break
    assert stopped > 10


def mount_all(*folders: Path) -> None:
    """Mount empty file systems, in the place of those that were mounted there."""
    for each in reversed(folders):
        if each.is_mount():
            unmount(each)
    for each in folders:
        mount_tmpfs(each)


@pytest.mark.parametrize("what", ACTIONS)
@pytest.mark.parametrize("mounts", ["scripts", "scripts and packages"])
@in_mount_namespace
def test_a_prefix_of_several_file_systems(
    mounts: str, what: str, wheels: Wheels, tmp_path: Path
) -> None:
    place = Prefix(tmp_path / "prefix", wheels)
    folders = [place.folder, place.scripts, *([place.site] if "packages" in mounts else [])]
    plain = Prefix(tmp_path / "plain", wheels)
    old, new = plain.rehearse()

    def reset() -> None:
        mount_all(*folders)
        if what == "install":
            assert place.install(wheels.neighbour) == Ended(0, "")
        else:
            place.populate()
            assert place.tree() == old

    undone, completed = die_everywhere(place, reset, getattr(place, what), 5)
    assert min(undone, completed) > 3
    if what == "upgrade":
        assert place.upgrade() == Ended(0, "")
        assert place.tree() == new


@pytest.mark.parametrize("what", ACTIONS)
@in_mount_namespace
def test_every_scheme_on_a_file_system_of_its_own(
    what: str, wheels: Wheels, tmp_path: Path
) -> None:
    place = Elsewhere(tmp_path / "place", wheels)

    def reset() -> None:
        mount_all(place.folder, *place.folders.values())
        if what == "install":
            assert place.install(wheels.neighbour) == Ended(0, "")
        else:
            place.populate()

    undone, completed = die_everywhere(place, reset, getattr(place, what), 4)
    assert min(undone, completed) > 3


class Elsewhere(Prefix):
    """Five folders that have nothing to do with each other."""

    def __init__(self, folder: Path, wheels: Wheels) -> None:
        super().__init__(folder, wheels)
        self.folders = {scheme: folder / scheme for scheme in SCHEMES}

    @property
    def where(self) -> tuple[str, ...]:
        """Name them."""
        return tuple(f"--{scheme}={folder}" for scheme, folder in self.folders.items())
