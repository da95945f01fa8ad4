"""Why RECORD, WHEEL and METADATA of two wheels differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.differences._model import Cause, Difference
from wheelfix.differences._texts import cause_of_strings, shown, text_differences

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["header_differences", "record_differences"]

_TOOL_FIELDS = (b"Generator", b"Metadata-Version", b"Wheel-Version")


def header_differences(path: str, one: bytes, other: bytes) -> Iterator[Difference]:
    """Compare two files of header fields, one by one; the text below them as a text."""
    (head, _, body), (other_head, _, other_body) = (
        each.replace(b"\r\n", b"\n").partition(b"\n\n") for each in (one, other)
    )
    fields, others = _fields(head), _fields(other_head)
    found = False
    for name in dict.fromkeys([*fields, *others]):
        values, other_values = fields.get(name, []), others.get(name, [])
        if values == other_values:
            continue
        found = True
        place = name.decode("utf-8", "backslashreplace")
        if sorted(values) == sorted(other_values):
            sentence = f"the same {len(values)} lines in another order"
            yield Difference(path, place, sentence, Cause.HASH_SEED)
            continue
        texts = b", ".join(values), b", ".join(other_values)
        cause = Cause.BUILD_TOOL if name in _TOOL_FIELDS else cause_of_strings(*texts)
        yield Difference(path, place, shown(*texts), cause or Cause.CONTENT)
    if body != other_body:
        found = True
        yield from text_differences(path, body, other_body)
    if not found:
        yield from text_differences(path, one, other)


def _fields(head: bytes) -> dict[bytes, list[bytes]]:
    fields: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\n"):
        name, _, value = line.partition(b":")
        fields.setdefault(name, []).append(value.strip())
    return fields


def record_differences(
    path: str, one: bytes, other: bytes, *, changed: Collection[str]
) -> Iterator[Difference]:
    """Compare two RECORDs: what is told of members that differ themselves only follows from that.

    :param changed: members whose contents differ.
    """
    rows, others = _rows(one), _rows(other)
    both = [name for name in rows if name in others]
    differing = [name for name in both if rows[name] != others[name]]
    following = [name for name in differing if name in changed]
    if following:
        more = f" and {len(following) - 1} more" if len(following) > 1 else ""
        sentence = f"row of {following[0]}{more}"
        yield Difference(path, "rows", sentence, Cause.CONSEQUENCE)
    for name in differing:
        if name not in changed:
            sentence = (
                f"row of {name}, whose content is the same: {shown(rows[name], others[name])}"
            )
            yield Difference(path, "rows", sentence, Cause.BUILD_TOOL)
            break
    alone = [*(set(rows) ^ set(others))]
    if alone:
        sentence = f"row of {min(alone)} in one only"
        yield Difference(path, "rows", sentence, Cause.CONSEQUENCE)
    if both != [name for name in others if name in rows]:
        sentence = "rows of the same files in another order"
        yield Difference(path, "order of rows", sentence, Cause.FILE_ORDER)
    if (b"\r\n" in one) != (b"\r\n" in other):
        endings = " and ".join("CRLF" if b"\r\n" in each else "LF" for each in (one, other))
        yield Difference(path, "line endings", endings, Cause.BUILD_TOOL)


def _rows(record: bytes) -> dict[str, bytes]:
    """Take the rows apart at their last two commas: names that are quoted stay so."""
    rows = {}
    for line in record.splitlines():
        name, *values = line.rsplit(b",", 2)
        rows[name.decode("utf-8", "backslashreplace")] = b",".join(values)
    return rows
