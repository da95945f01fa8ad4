"""Members of two schemes that are one file on a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from wheelfix import codes
from wheelfix.codes import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.planning._model import Plan, Wheel

__all__ = ["collisions"]


def collisions(
    wheel: Wheel, decided: Plan, folders: Sequence[Callable[[str], str]]
) -> Iterator[Finding]:
    """Find members of two schemes that are one file on a target: purelib mostly is platlib too.

    :param decided: under which names the members are installed.
    :param folders: for each target, what gives the folder of a scheme.
    """
    if len({member.scheme for member in wheel.members}) == 1:
        return
    owners: dict[tuple[str, str], str] = {}
    for member in wheel.members:
        for path, new_path in zip(decided.scheme_paths_of(member), decided.paths_of(member.path)):
            places = {(folder(member.scheme), path) for folder in folders}
            taken = [owners.setdefault(place, member.path) for place in sorted(places)]
            other = next((owner for owner in taken if owner != member.path), None)
            if other is not None:
                sentence = f"it would be written to the same file as {other}"
                yield Finding(codes.DUPLICATE_MEMBER, new_path, sentence)
