"""Systems of which only the profile is known."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from wheelfix.checking._model import System
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.platforms import parse_libc_platform_tag
from wheelfix.targets.profiles import aliases, profile_target, profiles

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from wheelfix.targets.profiles import Profile
    from wheelfix.wheel_tags import WheelTag

__all__ = ["accepting_systems", "profile_system"]


def profile_system(name: str, machine: str | None = None) -> System:
    """Give the system that a profile describes, without any file of it.

    :param name: of a profile, or a short form.
    :param machine: the kernel's name of the machine; None for the one that the profile is written for.
    :raises EnvironmentRefusedError: if there is none (see :func:`~wheelfix.targets.profiles.profile_target`).
    """
    target = profile_target(name, machine)
    by_id = {profile.id: profile for profile in profiles()}
    meant = next((alias.profiles for alias in aliases() if alias.name == name), (name,))
    relr = {by_id[each].applies_relr for each in meant if each in by_id}
    return System(
        target,
        label=name if machine is None else f"{name} {target.machine}",
        # of several the lowest common one: what one of them passes over can't be counted on
        applies_relr=False if False in relr else None if None in relr else True,
    )


def accepting_systems(tags: Collection[WheelTag], machine: str | None = None) -> list[System]:
    """List the profiles that accept one of a wheel's tags, in the order of their table.

    :param machine: only on this one; None for those that the tags name, or that a profile is written for.
    """
    wanted = {str(tag) for tag in tags}
    machines = {machine} if machine is not None else _machines(tags)
    found = (system for each in sorted(machines, key=str) for system in _systems_on(each))
    # the machine that a profile is written for may be among those that the tags name
    by_name = {system.name: system for system in found if not wanted.isdisjoint(system.target.tags)}
    return list(by_name.values())


def _machines(tags: Collection[WheelTag]) -> set[str | None]:
    parsed = [parse_libc_platform_tag(tag.platform) for tag in tags]
    return {None if part is None else part[2] for part in parsed}


@lru_cache(maxsize=16)
def _systems_on(machine: str | None) -> tuple[System, ...]:
    return tuple(_each_system_on(machine))


def _each_system_on(machine: str | None) -> Iterator[System]:
    for profile in profiles():
        system = _system_on(profile, machine)
        if system is not None:
            yield system


def _system_on(profile: Profile, machine: str | None) -> System | None:
    if not profile.has_target:
        return None
    try:
        target = profile_target(profile.id, machine)
    except EnvironmentRefusedError:
        # not built for it
        return None
    label = profile.id if machine in (None, profile.machine) else f"{profile.id} {target.machine}"
    return System(target, label=label, applies_relr=profile.applies_relr)
