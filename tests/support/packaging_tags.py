"""What packaging says, whichever of the allowed versions it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import packaging
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["in_one_order"]

_FIRST_WITH_LINUX_TAGS_FIRST = Version("26.3")


def in_one_order(tags: Iterable[str]) -> list[str]:
    """Give tags in their order, or, from a packaging that puts linux_* last, with those first."""
    tags = list(tags)
    if Version(packaging.__version__) >= _FIRST_WITH_LINUX_TAGS_FIRST:
        return tags
    return sorted(tags, key=lambda tag: not tag.rpartition("-")[2].startswith("linux_"))
