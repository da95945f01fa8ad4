"""Reads as much of a foreign command line as says where it installs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Scanned", "is_true", "scan"]


class Scanned(NamedTuple):
    """The options and words of a command line.

    :param values: by the option's canonical name its last value; that of a flag is "".
    :param words: what is no option, and no value of a known one.
    """

    values: Mapping[str, str]
    words: tuple[str, ...]

    def has(self, *names: str) -> bool:
        """Say whether one of the options is given."""
        return any(name in self.values for name in names)

    @property
    def command(self) -> str | None:
        """The first word."""
        return self.words[0] if self.words else None


def scan(arguments: Sequence[str], valued: Mapping[str, str]) -> Scanned:
    """Part options from words, as optparse, argparse, clap and cleo do.

    An unknown option counts as a flag. Its value is a word then, which does no harm behind the command's name.

    :param valued: canonical name by spelling (``-t``, ``--target``) of the options that have a value.
    """
    values: dict[str, str] = {}
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            words += rest
        elif argument.startswith("--"):
            name, is_given, value = argument.partition("=")
            if name in valued and not is_given:
                value = next(rest, "")
            values[valued.get(name, name)] = value
        elif argument.startswith("-") and argument != "-":
            values.update(_letters(argument[1:], valued, rest))
        else:
            words.append(argument)
    return Scanned(values, tuple(words))


def _letters(
    letters: str, valued: Mapping[str, str], rest: Iterator[str]
) -> Iterator[tuple[str, str]]:
    """Read options of one letter, of which the last one may have a value."""
    for index, letter in enumerate(letters, 1):
        name = valued.get(f"-{letter}")
        if name is not None:
            # clap takes -p=3.12 too
            yield name, letters[index:].removeprefix("=") or next(rest, "")
            return
        yield f"-{letter}", ""


def is_true(text: str | None) -> bool:
    """Say whether a variable switches something on (pip ``_internal/utils/misc.py``, strtobool, and clap)."""
    return text is not None and text.lower() in {"y", "yes", "t", "true", "on", "1"}
