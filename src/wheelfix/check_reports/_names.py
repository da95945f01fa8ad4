"""Long lists of names, and long names, made short."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["cut", "listed"]

_NUMBER = re.compile(r"(\d+)")
_GAP = "..."


def listed(names: Sequence[str], shown: int | None = None) -> str:
    """List names; neighbours that differ in one number only are written as a shell would take them.

    "alpine-3.20-python3" and "alpine-3.21-python3" become "alpine-3.{20,21}-python3".

    :param shown: of such groups at most; None for all.
    """
    families = list(_families(names))
    # the name of one more is as short as "and 1 more"
    if shown is None or len(families) <= shown + 1:
        return ", ".join(map(str, families))
    more = sum(len(family.names) for family in families[shown:])
    return f"{', '.join(map(str, families[:shown]))} and {more} more"


class _Family(NamedTuple):
    """Names that differ in one part.

    :param place: index of the part; None for a single name.
    """

    names: tuple[tuple[str, ...], ...]
    place: int | None = None

    def with_name(self, parts: tuple[str, ...]) -> _Family | None:
        first = self.names[0]
        if len(parts) != len(first):
            return None
        # every second part is a number (re.split with a group)
        places = [place for place, part in enumerate(parts) if part != first[place]]
        if len(places) != 1 or places[0] % 2 == 0 or self.place not in (None, places[0]):
            return None
        return _Family((*self.names, parts), places[0])

    def __str__(self) -> str:
        first = self.names[0]
        if self.place is None:
            return "".join(first)
        numbers = ",".join(parts[self.place] for parts in self.names)
        return f"{''.join(first[: self.place])}{{{numbers}}}{''.join(first[self.place + 1 :])}"


def _families(names: Sequence[str]) -> Iterator[_Family]:
    family: _Family | None = None
    for name in names:
        parts = tuple(_NUMBER.split(name))
        larger = None if family is None else family.with_name(parts)
        if family is not None and larger is None:
            yield family
        family = larger or _Family((parts,))
    if family is not None:
        yield family


def cut(name: str, width: int) -> str:
    """Leave out what is in the middle of a name that is longer than the width."""
    if len(name) <= width:
        return name
    tail = (width - len(_GAP)) // 3
    return f"{name[: width - len(_GAP) - tail]}{_GAP}{name[-tail:]}"
