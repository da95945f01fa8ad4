"""``wheelfix.json`` of an installed distribution: what was changed in it, so that it can be undone.

It has the form of :meth:`wheelfix.planning.Plan.changes_to_json`. What fix has done bears ``"by": "fix"``,
which tells it apart from what an install has done: only the former can be undone in place, and comes with the hash
that the file had.
"""

from __future__ import annotations

import json
import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from wheelfix.installed import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wheelfix.codes import Finding
    from wheelfix.environments._model import Change

__all__ = ["FILE_NAME", "Notes", "read_notes"]

FILE_NAME = "wheelfix.json"
_SCHEMA = 1
_BY = {"by": "fix"}


class Notes:
    """The content of one ``wheelfix.json``.

    :param content: as JSON gives it; of a form that :func:`read_notes` has checked.
    """

    def __init__(self, content: Mapping[str, Any] = MappingProxyType({})) -> None:
        self._changed: list[dict[str, str]] = [dict(each) for each in content.get("changed", ())]
        self._allowed: list[dict[str, str]] = [dict(each) for each in content.get("allowed", ())]
        self._unlinked: list[str] = list(content.get("unlinked", ()))

    @property
    def own_changes(self) -> list[dict[str, str]]:
        """The changes that fix has made, in their order; each has "action", "from", "to" and "hash"."""
        return [each for each in self._changed if each.get("by") == "fix"]

    @property
    def unlinked(self) -> list[str]:
        """The folders that were symbolic links."""
        return list(self._unlinked)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to be told."""
        return not (self._changed or self._allowed or self._unlinked)

    def add(
        self,
        changes: Iterable[tuple[Change, str]],
        unlinked: Iterable[str],
        allowed: Iterable[Finding],
    ) -> None:
        """Add what fix does.

        :param changes: each with the hash of the file.
        """
        self._changed += [{**change.to_json(), "hash": hash_, **_BY} for change, hash_ in changes]
        self._unlinked += [each for each in unlinked if each not in self._unlinked]
        self._allowed += [
            {"code": each.code.id, "subject": each.subject, **_BY} for each in allowed
        ]

    def forget(self, changes: Sequence[Mapping[str, str]], unlinked: Iterable[str]) -> None:
        """Take out what is undone; with the last change goes what was allowed for it."""
        self._changed = [each for each in self._changed if each not in changes]
        relinked = set(unlinked)
        self._unlinked = [each for each in self._unlinked if each not in relinked]
        if not self.own_changes:
            self._allowed = [each for each in self._allowed if each.get("by") != "fix"]

    def text(self) -> str:
        """Give the text of the file; the same content gives the same text."""
        content: dict[str, Any] = {
            "schema": _SCHEMA,
            "changed": self._changed,
            "allowed": self._allowed,
        }
        if self._unlinked:
            content["unlinked"] = self._unlinked
        return f"{json.dumps(content, indent=2)}\n"


def read_notes(info: str) -> Notes:
    """Read what was changed in a distribution.

    :param info: its dist-info folder.
    :return: empty notes if there is no such file.
    :raises EnvironmentRefusedError: WF515 if it can't be read.
    :raises ValueError: it is of another form than wheelfix writes, whoever has written it.
    """
    text = read_text(os.path.join(info, FILE_NAME))
    if text is None:
        return Notes()
    # a nesting that is too deep is a RecursionError
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not _is_ours(content):
        raise ValueError("wheelfix has not written it")
    return Notes(content)


def _is_ours(content: object) -> bool:
    if not isinstance(content, dict) or content.get("schema") != _SCHEMA:
        return False
    unlinked = content.get("unlinked", [])
    return (
        _are_rows(content.get("changed"), {"action", "from", "to"})
        and _are_rows(content.get("allowed"), {"code", "subject"})
        and isinstance(unlinked, list)
        and all(isinstance(each, str) for each in unlinked)
    )


def _are_rows(rows: object, needed: set[str]) -> bool:
    return isinstance(rows, list) and all(
        isinstance(row, dict)
        and needed <= row.keys()
        and all(isinstance(value, str) for value in row.values())
        for row in rows
    )
