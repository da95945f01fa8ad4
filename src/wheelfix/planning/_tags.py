"""Wheel tags against a target's tags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wheelfix.targets import Target
    from wheelfix.wheel_tags import WheelTag

__all__ = ["difference_from_target", "is_stable_abi_wheel", "libc_families_of_tags"]


def libc_families_of_tags(tags: Iterable[WheelTag]) -> frozenset[str]:
    """Say which libc families the tags promise; one wheel may promise both."""
    from wheelfix.platforms import libc_families_of_platform_tag

    return frozenset().union(*(libc_families_of_platform_tag(tag.platform) for tag in tags))


def is_stable_abi_wheel(tags: Iterable[WheelTag]) -> bool:
    """Say whether every tag promises a stable ABI (abi3 or abi3t)."""
    abis = {tag.abi for tag in tags}
    return bool(abis) and abis <= {"abi3", "abi3t"}


def difference_from_target(tags: frozenset[WheelTag], target: Target) -> str | None:
    """Say in words which part of a wheel's tags the target doesn't accept; None if one of them fits."""
    names = {str(tag) for tag in tags}
    # these cost less than all others, and most wheels have no more
    if names.intersection(target.tags_for_any_platform) or names.intersection(target.tags):
        return None
    accepted_parts = [tag.split("-", 2) for tag in target.tags]
    platforms = {platform for _, _, platform in accepted_parts}
    fitting = [tag for tag in tags if tag.platform in platforms]
    if not fitting:
        return _platform_difference(sorted({tag.platform for tag in tags}), target)
    abis = {abi for _, abi, _ in accepted_parts}
    with_fitting_abi = [tag for tag in fitting if tag.abi in abis]
    if not with_fitting_abi:
        return (
            f"it is built for the ABI {_join({tag.abi for tag in fitting})}, "
            f"the target is {_describe_python(target)} with the ABI {accepted_parts[0][1]}"
        )
    return (
        f"it is built for {_join({_describe_interpreter(t) for t in with_fitting_abi})}, "
        f"the target is {_describe_python(target)}"
    )


def _platform_difference(platforms: list[str], target: Target) -> str:
    from wheelfix.platforms import parse_libc_platform_tag

    here = f"{target.libc or 'no known libc'} {target.libc_version or ''}".strip()
    parsed = map(parse_libc_platform_tag, platforms)
    parts = [part for part in parsed if part is not None]
    machines_here = _target_machines(target)
    if machines_here and len(parts) == len(platforms):
        fitting = [part for part in parts if part[2] in machines_here]
        if not fitting:
            machines = _join({machine for _, _, machine in parts})
            return f"it is built for {machines}, the target's machine is {_join(machines_here)}"
        versions = [version for libc, version, _ in fitting if libc == target.libc]
        if not versions:
            return (
                f"it is built for {_join({part[0] for part in fitting})}, the target runs on {here}"
            )
        version = _version(target.libc_version)
        if version is not None and version < min(versions):
            oldest = ".".join(map(str, min(versions)))
            return f"it needs {target.libc} {oldest} or newer, the target runs on {here}"
    return (
        f"it is built for the platform {_join(platforms)}, "
        f"the target is {target.machine} with {here}"
    )


def _version(text: str | None) -> tuple[int, int] | None:
    found = re.match(r"(\d+)\.(\d+)", text or "")
    return None if found is None else (int(found[1]), int(found[2]))


def _target_machines(target: Target) -> frozenset[str]:
    """Name the machines of the target's Linux tags, as tags spell them; none on another system.

    A linux_* tag is the only one where the libc is unknown (a static executable).
    """
    tags = {tag.split("-", 2)[2] for tag in target.tags}
    return frozenset(tag[len("linux_") :] for tag in tags if tag.startswith("linux_"))


def _describe_python(target: Target) -> str:
    names = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalPy"}
    name = names.get(target.implementation, target.implementation)
    kind = " free-threaded" if target.free_threaded else ""
    return f"{name} {target.version}{kind}"


def _describe_interpreter(tag: WheelTag) -> str:
    names = {"cp": "CPython", "pp": "PyPy", "py": "Python", "graalpy": "GraalPy"}
    found = re.fullmatch(r"(cp|pp|py|graalpy)(\d)(\d*)", tag.interpreter)
    if found is None:
        return tag.interpreter
    prefix, major, minor = found.groups()
    or_newer = " or newer" if tag.abi in ("abi3", "abi3t") or (prefix == "py" and minor) else ""
    return f"{names[prefix]} {major}{'.' + minor if minor else ''}{or_newer}"


def _join(words: Iterable[str]) -> str:
    return " or ".join(sorted(words))
