"""The door to named interpreters: known builds that need neither be run nor be there."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from wheelfix.targets._profile_machines import MACHINES, on_machine
from wheelfix.targets._profile_paths import profile_paths, usual_prefix
from wheelfix.targets._profile_rows import (
    Alias,
    Profile,
    all_aliases,
    all_profiles,
    magic_numbers,
    profiles_named,
    refuse_profile,
)
from wheelfix.targets._target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wheelfix.targets._profile_machines import Machine

__all__ = [
    "MACHINES",
    "Alias",
    "Profile",
    "aliases",
    "profile_on_machine",
    "profile_target",
    "profiles",
]

_NOT_TOLD = "no profile tells it"
_ABI_FLAGS = re.compile(r"cpython-3[0-9]+(?P<flags>[a-z]*)")


def profiles() -> tuple[Profile, ...]:
    """Give all profiles, those of which no target can be made too (:attr:`Profile.has_target`)."""
    return all_profiles()


def aliases() -> tuple[Alias, ...]:
    """Give the short forms.

    Those of python-build-standalone's builds ("uv-musl-3.12") also take a month, "uv-musl-3.12-2025-06", for the
    builds that were published in it; the static ones, which were all there was before 11 March 2025, don't count.
    """
    return all_aliases()


def profile_on_machine(profile: Profile, machine: str) -> Profile:
    """Give a profile with the names that its interpreter has on a machine.

    :param machine: the kernel's name, or another common one.
    :raises EnvironmentRefusedError: WF518 if it is not built for it, or that isn't known.
    """
    if profile.no_target is not None:
        refuse_profile(profile.id, profile.no_target)
    there = on_machine(profile, machine)
    return replace(there.profile, machine=there.name)


def profile_target(
    name: str,
    machine: str | None = None,
    *,
    scheme: str | None = None,
    prefix: str | None = None,
) -> Target:
    """Describe a named interpreter.

    A short form means the lowest common target of all profiles that it stands for. That one loads only what each of
    them loads: it has the suffixes and tags that all of them have, in the order of the first; the oldest version of
    Python, and the oldest of libc that is known; and of every other fact what they agree on, else None. The tags are
    those of the oldest libc.

    What no profile can know has a value all the same: ``executable`` is None; ``prefix`` and ``base_prefix`` are None
    where the place differs from installation to installation, and ``paths`` then are below CPython's default prefix
    (/usr/local); ``magic`` is that of CPython's final releases, and None for others; ``libpython`` is None unless the
    recipe tells it; ``architecture`` is that of the machine. Without a libc version every version's tags are
    accepted; on macOS, iOS and Android every system's up to the newest. ``evidence`` tells of each fact.

    :param name: of a profile, or a short form.
    :param machine: the kernel's name of the machine; None for the one that the profile is written for.
    :param scheme: name of a scheme that its sysconfig has; None for the default one.
    :param prefix: stands in for base and platbase, as ``--prefix`` of installer.
    :raises EnvironmentRefusedError: if nothing is called so (WF517), it can't be a target of that machine (WF518), or
        has no such scheme (WF507).
    """
    targets = [_target(each, machine, scheme, prefix) for each in profiles_named(name)]
    return targets[0] if len(targets) == 1 else _lowest_common(name, targets)


def _target(
    profile: Profile, machine_name: str | None, scheme: str | None, prefix: str | None
) -> Target:
    machine = on_machine(profile, machine_name)
    there = machine.profile
    version = profile.version or ""
    short = ".".join(version.split(".")[:2])
    flags = _ABI_FLAGS.match(profile.soabi)
    # Windows has had none
    abi_flags = flags["flags"] if flags and profile.system != "windows" else ""
    paths, paths_scheme = profile_paths(profile, abi_flags, scheme, prefix)
    is_cpython = profile.implementation == "cpython"
    major, minor = short.split(".")
    target = Target(
        implementation=profile.implementation,
        version=version,
        abi_flags=abi_flags,
        soabi=there.soabi,
        cache_tag=_cache_tag(profile, f"{major}{minor}"),
        magic=magic_numbers().get(short) if is_cpython else None,
        extension_suffixes=there.extension_suffixes,
        tags=_tags(
            profile.implementation,
            (int(major), int(minor)),
            there.ext_suffix,
            machine.platforms,
            ("t" if profile.free_threaded else "") + ("d" if profile.debug else ""),
        ),
        platform_triplet=machine.triplet,
        libc=profile.libc,
        libc_version=profile.plain_libc_version,
        machine=machine.name,
        free_threaded=profile.free_threaded,
        debug=profile.debug,
        paths=paths,
        libpython=profile.libpython,
        executable=None,
        prefix=profile.prefix,
        base_prefix=profile.prefix,
        architecture=machine.architecture,
        loads_extension_modules=bool(there.extension_suffixes) and not profile.static,
    )
    return replace(target, evidence=_evidence(target, profile, machine, paths_scheme, prefix))


def _cache_tag(profile: Profile, nodot: str) -> str | None:
    """Give sys.implementation.cache_tag; GraalPy's holds more than its version."""
    if profile.implementation == "cpython":
        return f"cpython-{nodot}"
    return f"pypy{nodot}" if profile.implementation == "pypy" else None


@cache
def _tags(
    implementation: str,
    version_info: tuple[int, int],
    ext_suffix: str,
    platforms: Sequence[str],
    kind: str,
) -> tuple[str, ...]:
    from wheelfix.targets._tags import accepted_tags

    facts = {
        "implementation": implementation,
        "extension_suffix": ext_suffix,
        "free_threaded": "t" in kind,
        "debug": "d" in kind,
        "pymalloc": True,
    }
    return accepted_tags(facts, version_info, platforms)


def _evidence(
    target: Target, profile: Profile, machine: Machine, scheme: str, prefix: str | None
) -> dict[str, str]:
    row = f"profile {profile.id}"
    told = f"{row}, {profile.confidence}"
    names = [each.name for each in fields(Target) if each.name != "evidence"]
    evidence = dict.fromkeys(names, row)
    evidence.update(dict.fromkeys(("soabi", "extension_suffixes"), told))
    if machine.name not in (profile.machine, None):
        written_for = profile.machine or "any machine"
        evidence["machine"] = f"as asked for; {row} is written for {written_for}"
        there = f"{told}; platform part of {machine.name}"
        evidence.update(dict.fromkeys(("soabi", "extension_suffixes"), there))
    place = f"{row}" if profile.prefix else "a usual prefix; the profile names none"
    evidence.update(
        tags="packaging's rules",
        cache_tag="the rule of the implementation",
        magic="CPython's final releases" if target.magic else _NOT_TOLD,
        architecture=f"machine {machine.name}",
        executable=_NOT_TOLD,
        paths=f"scheme {scheme}, prefix {prefix or f'{usual_prefix(profile)} ({place})'}",
    )
    for name in ("libpython", "prefix", "base_prefix"):
        if getattr(target, name) is None:
            evidence[name] = _NOT_TOLD
    if target.libc_version is None and profile.system == "linux":
        accepted = f"every version of {profile.libc or 'glibc and musl'} is accepted"
        evidence["libc_version"] = f"{_NOT_TOLD}; {accepted}"
    return evidence


def _lowest_common(name: str, targets: Sequence[Target]) -> Target:
    """Make the target that loads only what each of these loads, all of one version of one implementation."""
    first = targets[0]
    common: dict[str, Any] = {
        each.name: getattr(first, each.name)
        if all(getattr(target, each.name) == getattr(first, each.name) for target in targets)
        else None
        for each in fields(Target)
    }
    suffixes = _in_all([target.extension_suffixes for target in targets])
    common.update(
        version=min((target.version for target in targets), key=_version_key),
        extension_suffixes=suffixes,
        tags=_in_all([target.tags for target in targets]),
        libc_version=min(
            (target.libc_version for target in targets if target.libc_version),
            key=_version_key,
            default=None,
        ),
        paths=_in_all_paths([target.paths for target in targets]),
        loads_extension_modules=bool(suffixes)
        and all(target.loads_extension_modules for target in targets),
    )
    rows = list(dict.fromkeys(target.evidence["implementation"] for target in targets))
    row = f"common to {len(rows)} profiles of {name}"
    names = [each for each in common if each != "evidence"]
    evidence = {
        each: first.evidence[each]
        if all(target.evidence[each] == first.evidence[each] for target in targets)
        else row
        for each in names
    }
    evidence.update(version=f"oldest of {len(rows)} profiles of {name}")
    return Target(**{**common, "evidence": evidence})


def _in_all(lists: Sequence[Sequence[str]]) -> tuple[str, ...]:
    others = [frozenset(each) for each in lists[1:]]
    return tuple(each for each in lists[0] if all(each in other for other in others))


def _in_all_paths(all_paths: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first = all_paths[0]
    return {
        name: path
        for name, path in first.items()
        if all(paths.get(name) == path for paths in all_paths)
    }


def _version_key(text: str) -> tuple[int, ...]:
    # what follows the numbers ("b1", "_git20230717") makes no difference between the rows of a short form
    return tuple(int(number) for number in re.findall(r"[0-9]+", text))
