"""``wheelfix profiles``: list the interpreters that ``--profile`` knows."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from wheelfix.cli._reports import is_terminal, print_line
from wheelfix.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.targets.profiles import Alias, Profile

__all__ = ["add_parser", "run"]

_EPILOG = """\
examples:
  wheelfix profiles                          all of them
  wheelfix profiles alpine 3.9               those with both words in their names or facts
  wheelfix profiles --libc musl --arch armv7l
  wheelfix profiles alpine-3.14-python3 --format json

A short form stands for several profiles, and means what all of them load; those that begin with
uv-musl take a month as well: uv-musl-3.12-2025-06. A profile for any version takes one:
pbs-musl-static-3.12.

KNOWN BY: runtime (that very build has printed it), binary (read out of the shipped package), derived
(its recipe and CPython's rule were both read), inferred (a link in between was not read).
"""
#: version of the JSON format
_SCHEMA = 1
_HEADER = ("NAME", "PYTHON", "LIBC", "MODULES END IN", "KNOWN BY")
_NONE = "-"


class _Row(NamedTuple):
    name: str
    python: str
    libc: str
    suffixes: str
    known_by: str


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "profiles",
        help="list the interpreters that --profile knows",
        description="List the interpreters that --profile knows, which need not be here, and the short\n"
        "forms of their names.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "filter",
        nargs="*",
        metavar="FILTER",
        help="word in the name, the Python version, the distribution, its release or the libc",
    )
    parser.add_argument("--arch", metavar="MACHINE", help="as they are on this machine: aarch64")
    parser.add_argument(
        "--libc", choices=["glibc", "musl", "bionic"], help="only those of this libc"
    )
    parser.add_argument(
        "--format",
        choices=["text", "json"],
        default="text",
        help="how to print it (default: text); json gives every fact with its source",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the list.

    :return: exit status: 0 done, 1 if there is none of the kind.
    """
    from wheelfix.targets.profiles import aliases, profiles

    wanted = [
        there
        for profile in profiles()
        for there in _on_machine(profile, options.arch)
        if (options.libc in (None, profile.libc)) and _has_words(_text_of(profile), options.filter)
    ]
    names = {profile.id for profile in wanted}
    short_forms = [
        alias
        for alias in aliases()
        if (_has_words(alias.name, options.filter) or names.issuperset(alias.profiles))
        and _is_of_kind(alias, options)
    ]
    if not wanted and not short_forms:
        print("wheelfix: there is no profile of this kind", file=sys.stderr)
        return 1
    if options.format == "json":
        _print_json(wanted, short_forms)
    else:
        rows = [_row(profile) for profile in wanted]
        rows += [_row_of_alias(alias, options.arch) for alias in short_forms]
        # a program that reads the lines wants no other ones
        for line in _lines([_Row(*_HEADER), *rows] if is_terminal() else rows):
            print_line(line)
    return 0


def _on_machine(profile: Profile, machine: str | None) -> Iterator[Profile]:
    """Give the profile, unless it isn't built for the machine."""
    from wheelfix.targets.profiles import profile_on_machine

    if machine is None:
        yield profile
        return
    try:
        there = profile_on_machine(profile, machine)
    except EnvironmentRefusedError:
        return
    yield there


def _is_of_kind(alias: Alias, options: argparse.Namespace) -> bool:
    from wheelfix.targets.profiles import profiles

    meant = [profile for profile in profiles() if profile.id in alias.profiles]
    return all(
        options.libc in (None, profile.libc) and [*_on_machine(profile, options.arch)]
        for profile in meant
    )


def _text_of(profile: Profile) -> str:
    facts = (
        profile.id,
        profile.python,
        profile.distribution,
        profile.release,
        profile.system,
        profile.libc,
        profile.libc_version,
    )
    return " ".join(fact for fact in facts if fact)


def _has_words(text: str, words: Sequence[str]) -> bool:
    return all(word.lower() in text.lower() for word in words)


def _row(profile: Profile) -> _Row:
    return _Row(
        profile.id,
        _python(profile.implementation, profile.version),
        _libc(profile.libc, profile.plain_libc_version),
        _suffixes(profile.extension_suffixes),
        profile.confidence,
    )


def _row_of_alias(alias: Alias, machine: str | None) -> _Row:
    from wheelfix.targets.profiles import profile_target

    target = profile_target(alias.name, machine)
    count = len(alias.profiles)
    return _Row(
        alias.name,
        _python(target.implementation, target.version),
        _libc(target.libc, target.libc_version),
        _suffixes(target.extension_suffixes),
        alias.profiles[0] if count == 1 else f"{count} profiles",
    )


def _python(implementation: str, version: str | None) -> str:
    text = version or "any"
    return text if implementation == "cpython" else f"{implementation} {text}"


def _libc(libc: str | None, version: str | None) -> str:
    return f"{libc or _NONE} {version or ''}".strip()


def _suffixes(suffixes: Sequence[str]) -> str:
    """Give those that name the interpreter; if there are none, all."""
    telling = [each for each in suffixes if each.count(".") > 1 and not each.startswith(".abi3")]
    return " ".join(telling or suffixes) or _NONE


def _lines(rows: Sequence[_Row]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()


def _print_json(profiles: Sequence[Profile], short_forms: Sequence[Alias]) -> None:
    import json

    facts: dict[str, Any] = {
        "schema": _SCHEMA,
        "profiles": [profile.to_json() for profile in profiles],
        "aliases": [alias._asdict() for alias in short_forms],
    }
    print(json.dumps(facts, indent=2))
