"""Which distributions of an environment list which modules."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from wheelfix.environments._survey import module_paths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wheelfix.environments._survey import Found

__all__ = ["ModuleOwners"]


class ModuleOwners:
    """The modules that RECORDs list; they are gone through when the first question comes, and once.

    :param installed: all distributions of the environment.
    :param suffixes: EXTENSION_SUFFIXES of the target.
    """

    def __init__(self, installed: Sequence[Found], suffixes: Sequence[str]) -> None:
        self._installed = installed
        self._suffixes = suffixes

    def other_than(self, found: Found, path: str) -> Found | None:
        """Give the first distribution besides one that lists a module of its site folder, too."""
        owners = self._by_path.get((found.site, path), ())
        return next((each for each in owners if each.info != found.info), None)

    @cached_property
    def _by_path(self) -> Mapping[tuple[str, str], Sequence[Found]]:
        owners: dict[tuple[str, str], list[Found]] = {}
        for each in self._installed:
            site = each.site
            for path in module_paths(each.record or "", self._suffixes):
                owners.setdefault((site, path), []).append(each)
        return owners
