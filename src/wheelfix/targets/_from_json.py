"""The inverse of Target.to_json: every fact is checked before a target is made of it."""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, Callable

from wheelfix.platforms import ElfArchitecture
from wheelfix.targets._target import SCHEMA, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["InvalidFactError", "target_from_json"]

_VERSION = re.compile(r"3\.\d{1,3}(?:\.\d{1,3}(?:(?:a|b|rc)\d{1,3})?)?", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_.+-]{1,100}")
_MAGIC = re.compile(r"[0-9a-f]{8}")
_SUFFIX = re.compile(r"\.[A-Za-z0-9_.+-]{1,100}")
_TAG = re.compile(r"[A-Za-z0-9_]+-[A-Za-z0-9_]+-[A-Za-z0-9_]+")
_NEEDED_PATHS = ("purelib", "platlib", "scripts", "data", "headers", "stdlib")
_LIBCS = ("glibc", "musl", "uclibc", "bionic")


class InvalidFactError(Exception):
    """A fact is missing, or none that a target has."""


def target_from_json(facts: Mapping[str, Any]) -> tuple[Target, str | None]:
    """Make a target of what :meth:`wheelfix.targets.Target.to_json` gave; facts that aren't known are left aside.

    :return: the target without an executable, because what lies at its path on this machine may be another one; and
        the path.
    :raises InvalidFactError: if a fact is missing or none that a target has, or the schema is another one.
    """
    if facts["schema"] != SCHEMA or isinstance(facts["schema"], bool):
        raise InvalidFactError(f"its schema is not {SCHEMA}, the only one known here")
    values = {name: _checked(facts, name, check) for name, check in _CHECKS.items()}
    executable = values.pop("executable")
    values["evidence"] = {**values["evidence"], "executable": "it is not to be run here"}
    return Target(**values, executable=None), executable


def _checked(facts: Mapping[str, Any], name: str, check: Callable[[Any], Any]) -> Any:
    if name not in facts:
        raise InvalidFactError(f"it lacks {name}")
    try:
        return check(facts[name])
    except (TypeError, ValueError):
        raise InvalidFactError(f"its {name} is none that a target has") from None


def _matching(pattern: re.Pattern[str]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if pattern.fullmatch(value) is None:
            raise ValueError
        return str(value)

    return check


def _one_of(*known: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in known:
            raise ValueError
        return str(value)

    return check


def _optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else check(value)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _path(value: Any) -> str:
    is_absolute = PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute()
    if not is_absolute or not _is_one_line(value):
        raise ValueError
    return str(value)


def _is_one_line(value: str) -> bool:
    return "\0" not in value and len(value.splitlines()) == 1


def _tuple_of(check: Callable[[Any], str]) -> Callable[[Any], tuple[str, ...]]:
    def checked(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise TypeError
        return tuple(map(check, value))

    return checked


def _tags(value: Any) -> tuple[str, ...]:
    tags = _tuple_of(_matching(_TAG))(value)
    # an empty list would be taken for that of this machine
    if not tags:
        raise ValueError
    return tags


def _paths(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not set(_NEEDED_PATHS) <= value.keys():
        raise ValueError
    return {_matching(_WORD)(name): _path(path) for name, path in value.items()}


def _architecture(value: Any) -> ElfArchitecture:
    architecture = ElfArchitecture(**value)
    is_sound = (
        type(architecture.machine) is int
        and architecture.bits in (32, 64)
        and architecture.byte_order in ("little", "big")
        and architecture.float_abi in (None, "hard", "soft", "single", "double")
    )
    if not is_sound:
        raise ValueError
    return architecture


def _evidence(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise TypeError
    return {str(name): text for name, text in value.items()}


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "implementation": _matching(_WORD),
    "version": _matching(_VERSION),
    "abi_flags": _matching(re.compile(r"[a-z]{0,4}")),
    "soabi": _optional(_matching(_WORD)),
    "cache_tag": _optional(_matching(_WORD)),
    "magic": _optional(_matching(_MAGIC)),
    "extension_suffixes": _tuple_of(_matching(_SUFFIX)),
    "tags": _tags,
    "platform_triplet": _optional(_matching(_WORD)),
    "libc": _optional(_one_of(*_LIBCS)),
    "libc_version": _optional(_matching(_WORD)),
    "machine": _matching(_WORD),
    "free_threaded": _bool,
    "debug": _bool,
    "paths": _paths,
    "libpython": _optional(_one_of("shared", "static")),
    "executable": _optional(_path),
    "prefix": _optional(_path),
    "base_prefix": _optional(_path),
    "architecture": _optional(_architecture),
    "loads_extension_modules": _bool,
    "evidence": _evidence,
}
