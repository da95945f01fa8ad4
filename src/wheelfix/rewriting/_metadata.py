"""WHEEL of a wheel that is written anew, its file name, and what it says of its repair."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from installer.utils import parse_metadata_file, parse_wheel_filename

from wheelfix.wheel_tags import parse_wheel_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wheelfix.rewriting._tags import TagSet

__all__ = ["REPAIR_FILE", "corrected_wheel_file", "file_name_with", "repair_file"]

#: In the dist-info folder. Not wheelfix.json: that is an installer's statement about one installation, is left out
#: of every wheel that is installed (WF412), and is what ``fix --undo`` goes by; pip would install it unseen.
REPAIR_FILE = "wheelfix-repair.json"

_SCHEMA = 1
#: what of WHEEL is told by the file name too (wheel specification, "File contents")
_TOLD_TWICE = ("tag:", "build:", "root-is-purelib:")


def file_name_with(file_name: str, tags: TagSet) -> str:
    """Give a wheel's file name with other tags."""
    old = parse_wheel_filename(file_name).tag
    return f"{file_name[: -len(f'{old}.whl')]}{tags}.whl"


def corrected_wheel_file(text: str, file_name: str, tags: TagSet) -> str:
    """Give a WHEEL file that says what the file name says.

    :param text: as it is.
    :param file_name: the wheel's, which installers go by.
    :param tags: those of the new file name.
    :return: the same text if nothing in it disagrees.
    """
    fields = parse_metadata_file(text)
    build = parse_wheel_filename(file_name).build_tag
    is_pure = str(fields["Root-Is-Purelib"] or "").strip().lower() == "true"
    purelib_lines = [str(each).strip() for each in fields.get_all("Root-Is-Purelib") or []]
    agrees = (
        _says(fields.get_all("Tag") or [], tags)
        and [str(each).strip() for each in fields.get_all("Build") or []]
        == [*filter(None, [build])]
        # installer takes no other form of it for true, and the first line of several
        and (purelib_lines == ["true"] or (not is_pure and len(purelib_lines) <= 1))
    )
    if agrees:
        return text
    kept = [
        line
        for line in text.replace("\r\n", "\n").split("\n")
        if line.strip() and not line.lower().startswith(_TOLD_TWICE)
    ]
    kept.append(f"Root-Is-Purelib: {'true' if is_pure else 'false'}")
    kept += [f"Tag: {tag}" for tag in tags.lines()]
    kept += [f"Build: {build}"] if build else []
    return "".join(f"{line}\n" for line in kept)


def _says(lines: Sequence[str], tags: TagSet) -> bool:
    try:
        said = [tag for line in lines for tag in parse_wheel_tags(line.strip())]
    except ValueError:
        return False
    return {str(tag) for tag in said} == {line.lower() for line in tags.lines()}


def repair_file(changes: Mapping[str, Any], before: str | None) -> str | None:
    """Give the text that tells what repairs have changed in a wheel.

    The same wheel and policy give the same text: there is no time and no place in it.

    :param changes: see :meth:`wheelfix.planning.Plan.changes_to_json`.
    :param before: the text of an earlier repair, where the wheel brings one; what can't be read is replaced.
    :return: None if there is nothing to tell; ``before`` if there is nothing new.
    """
    old = _earlier(before)
    text = {
        "schema": _SCHEMA,
        **{
            name: [*old[name], *(each for each in changes.get(name, []) if each not in old[name])]
            for name in ("changed", "allowed")
        },
    }
    if before is not None and text == {"schema": _SCHEMA, **old}:
        return before
    return f"{json.dumps(text, indent=2)}\n" if changes else None


def _earlier(text: str | None) -> dict[str, list[Any]]:
    try:
        said = json.loads(text or "{}")
    # the latter for brackets within brackets
    except (ValueError, RecursionError):
        said = {}
    names = ("changed", "allowed")
    lists = {name: said.get(name, []) for name in names} if isinstance(said, dict) else {}
    return {name: lists[name] if isinstance(lists.get(name), list) else [] for name in names}
