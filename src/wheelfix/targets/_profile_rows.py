"""The rows of ``data/profiles.json``, and which of them a name means."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Alias",
    "Profile",
    "all_aliases",
    "all_profiles",
    "magic_numbers",
    "profiles_named",
    "refuse_profile",
]

_SUGGESTIONS = 3
#: what stands in the place of a version in the names of a build that exists for many
_ANY_VERSION = "3XX"
_MONTH = re.compile(r"(?P<alias>.+)-(?P<year>20[0-9]{2})-(?P<month>0[1-9]|1[0-2])")
_VERSION = re.compile(r"(?P<id>.+)-(?P<version>3\.[0-9]{1,2})")


@dataclass(frozen=True)
class Profile:
    """What is known of one build of an interpreter.

    :param id: the name.
    :param implementation: ``sys.implementation.name``.
    :param version: of Python, as exact as it is known: "3.9.17", "3.12"; None where the row holds for every one.
    :param distribution: who built it: "alpine", "docker-official", "python-build-standalone".
    :param release: of the distribution, in words.
    :param system: "linux", "android", "darwin", "ios", "windows", "cygwin" or "netbsd".
    :param machine: the kernel's name of the machine that the names are written for; None where they name none.
    :param libc: "glibc", "musl" or "bionic"; None where the system has no choice, or the build runs on any.
    :param libc_version: newest seen for the release, with the package's revision: "1.2.2-r3"; None where not known.
    :param soabi: sysconfig's SOABI.
    :param ext_suffix: sysconfig's EXT_SUFFIX; empty where it loads no modules.
    :param extension_suffixes: in the order of the search.
    :param free_threaded: built with ``--disable-gil``.
    :param debug: built with ``--with-pydebug``.
    :param prefix: where it is installed; None where that differs.
    :param scheme: default scheme of its sysconfig.
    :param libpython: "shared" or "static"; None where not known.
    :param applies_relr: whether the loader of its musl applies DT_RELR; None where not known.
    :param static: whether it is fully static, and so loads no modules.
    :param gnu_fallback: whether a suffix ending in -gnu is listed only beside a SOABI that ends in -musl.
    :param first_release: date of the first build that it describes, "20250311"; None where it has none.
    :param last_release: date of the last one; None where it has none.
    :param no_target: why no target can be made of it; None where one can.
    :param confidence: how its facts are known: "runtime" (printed by that very build), "binary" (read out of the
        shipped package), "derived" (the recipe and the rule were both read), "inferred" (a link was not read).
    :param source: where they come from.
    :param note: what else is known.
    """

    id: str
    implementation: str
    version: str | None
    distribution: str
    release: str
    system: str
    machine: str | None
    libc: str | None
    libc_version: str | None
    soabi: str
    ext_suffix: str
    extension_suffixes: tuple[str, ...]
    free_threaded: bool
    debug: bool
    prefix: str | None
    libpython: str | None
    applies_relr: bool | None
    confidence: str
    source: str
    scheme: str = "posix_prefix"
    static: bool = False
    gnu_fallback: bool = False
    first_release: str | None = None
    last_release: str | None = None
    no_target: str | None = None
    note: str | None = None

    @property
    def has_target(self) -> bool:
        """Whether a target can be made of it as it stands, without naming a version as well."""
        return self.version is not None and self.no_target is None

    @property
    def plain_libc_version(self) -> str | None:
        """The libc version as the libc itself says it: "1.2.4" of "1.2.4_git20230717-r5"."""
        return self.libc_version and re.split("[-_]", self.libc_version, maxsplit=1)[0]

    @property
    def python(self) -> str:
        """Implementation, major and minor version, and ABI flags in a word: "cpython 3.13t", "pypy 3.9"."""
        version = "any" if self.version is None else ".".join(self.version.split(".")[:2])
        flags = ("t" if self.free_threaded else "") + ("d" if self.debug else "")
        return f"{self.implementation} {version}{flags}"

    def to_json(self) -> dict[str, Any]:
        """Give all facts as types that JSON knows."""
        facts = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**facts, "extension_suffixes": list(self.extension_suffixes)}

    def for_version(self, version: str) -> Profile:
        """Give the profile of one of the versions that it holds for."""
        nodot = version.replace(".", "")

        def filled(text: str) -> str:
            return text.replace(_ANY_VERSION, nodot)

        return replace(
            self,
            id=f"{self.id}-{version}",
            version=version,
            soabi=filled(self.soabi),
            ext_suffix=filled(self.ext_suffix),
            extension_suffixes=tuple(map(filled, self.extension_suffixes)),
        )


class Alias(NamedTuple):
    """A short form.

    :param name: like "alpine-3.14".
    :param profiles: names of the profiles that it stands for, at least one, all of the same major and minor version.
    """

    name: str
    profiles: tuple[str, ...]


@cache
def all_profiles() -> tuple[Profile, ...]:
    """Give all profiles, in the order of the table; ``source`` is spelt out."""
    table = _table()
    sources = table["sources"]
    profiles = []
    for row in table["profiles"]:
        key = re.split(r"\W", row["source"], maxsplit=1)[0]
        source = f"{row['source']}; {key}: {sources[key]}" if key in sources else row["source"]
        suffixes = tuple(row["extension_suffixes"])
        profiles.append(Profile(**{**row, "extension_suffixes": suffixes, "source": source}))
    return tuple(profiles)


@cache
def all_aliases() -> tuple[Alias, ...]:
    """Give all short forms but those with a month."""
    return tuple(Alias(row["name"], tuple(row["profiles"])) for row in _table()["aliases"])


@cache
def magic_numbers() -> dict[str, str]:
    """Give MAGIC_NUMBER of CPython's final releases in hexadecimal, by major and minor version."""
    return {row["version"]: row["magic"] for row in _table()["magic_numbers"]}


def profiles_named(name: str) -> tuple[Profile, ...]:
    """Find what a name means.

    A short form of builds that have dates takes a month as well, "uv-musl-3.12-2025-06": then it stands for those
    that were published in it. A profile that holds for every version takes one: "pbs-musl-static-3.12".

    :return: the profile, or all those that the short form stands for.
    :raises EnvironmentRefusedError: if nothing is called so (WF517), or a version is missing (WF518).
    """
    by_id = {profile.id: profile for profile in all_profiles()}
    by_alias = {alias.name: alias.profiles for alias in all_aliases()}
    if name in by_id:
        return (_usable(by_id[name]),)
    if name in by_alias:
        return tuple(by_id[each] for each in by_alias[name])
    month = _MONTH.fullmatch(name)
    if month is not None and month["alias"] in by_alias:
        dated = [by_id[each] for each in by_alias[month["alias"]]]
        published = tuple(each for each in dated if _is_of_month(each, month))
        if published:
            return published
        if any(each.first_release is not None for each in dated):
            refuse_profile(name, f"no build of {month['alias']} is known of that month")
    version = _VERSION.fullmatch(name)
    if version is not None:
        general = by_id.get(version["id"])
        if general is not None and general.version is None:
            return (_usable(general.for_version(version["version"])),)
    return _refuse_name(name, [*by_id, *by_alias])


def _usable(profile: Profile) -> Profile:
    if profile.no_target is not None:
        refuse_profile(profile.id, f"no target can be made of it: {profile.no_target}")
    if profile.version is None:
        refuse_profile(profile.id, f"it holds for every version: name one, {profile.id}-3.12")
    return profile


def _is_of_month(profile: Profile, month: re.Match[str]) -> bool:
    first, last = (f"{month['year']}{month['month']}{day}" for day in ("01", "31"))
    return (
        profile.first_release is not None
        and profile.first_release <= last
        and (profile.last_release is None or profile.last_release >= first)
    )


def refuse_profile(subject: str, sentence: str) -> NoReturn:
    """Refuse to make a target.

    :raises EnvironmentRefusedError: WF518, always.
    """
    raise EnvironmentRefusedError([Finding(codes.PROFILE_NOT_USABLE, subject, sentence)])


def _refuse_name(name: str, known: Sequence[str]) -> NoReturn:
    from difflib import get_close_matches

    nearest = get_close_matches(name, known, _SUGGESTIONS)
    sentence = f"do you mean {' or '.join(nearest)}?" if nearest else "no name is spelt like it"
    raise EnvironmentRefusedError([Finding(codes.UNKNOWN_PROFILE, name, sentence)])


@cache
def _table() -> dict[str, Any]:
    """Read the table, from a folder or out of a zip archive alike."""
    import json
    from importlib.resources import files

    text = (files("wheelfix") / "data" / "profiles.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table
