"""Why two .pyc files differ."""

from __future__ import annotations

import struct
from collections import Counter
from typing import TYPE_CHECKING

from wheelfix.differences._model import Cause, Difference
from wheelfix.differences._texts import cause_of_strings, differing_strings, first_difference, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bytecode_differences"]

#: magic number, flags, then time and size of the source, or its hash (PEP 552)
_HEADER = 16
#: bits of the flags (PEP 552)
_BY_HASH, _IS_CHECKED = 1, 2
#: bit of a type byte that says that the object is referred to once more (Python/marshal.c, FLAG_REF)
_FLAG_REF = 0x80


def bytecode_differences(path: str, one: bytes, other: bytes) -> Iterator[Difference]:
    """Compare two .pyc files; nothing if one of them is cut off."""
    if min(len(one), len(other)) < _HEADER:
        return
    if one[:4] != other[:4]:
        sentence = f"{one[:4].hex()} and {other[:4].hex()}"
        yield Difference(path, "magic number", sentence, Cause.INTERPRETER)
        return
    (flags, time, size), (other_flags, other_time, other_size) = (
        struct.unpack("<III", each[4:_HEADER]) for each in (one, other)
    )
    if flags != other_flags:
        sentence = f"{_kind(flags)} and {_kind(other_flags)}"
        yield Difference(path, "header", sentence, Cause.BUILD_TOOL)
    elif flags & _BY_HASH and one[8:_HEADER] != other[8:_HEADER]:
        yield Difference(path, "header", "the source has another hash", Cause.CONSEQUENCE)
    elif time != other_time:
        sentence = f"the source was written at {time} and {other_time} (seconds since 1970)"
        yield Difference(path, "header", sentence, Cause.CLOCK)
    elif size != other_size:
        sentence = f"the source has {size} and {other_size} bytes"
        yield Difference(path, "header", sentence, Cause.CONSEQUENCE)
    yield from _code(path, one[_HEADER:], other[_HEADER:])


def _kind(flags: int) -> str:
    if not flags & _BY_HASH:
        return "checked by the time of the source"
    return "checked by the hash of the source" if flags & _IS_CHECKED else "never checked"


def _code(path: str, one: bytes, other: bytes) -> Iterator[Difference]:
    if one == other:
        return
    for strings in differing_strings(one, other):
        # marshal writes a type and a length before each text, which may look like letters
        texts = strings[0][strings[0].find(b"/") :], strings[1][strings[1].find(b"/") :]
        for pair in (texts, strings):
            cause = cause_of_strings(*pair)
            if cause is not None:
                yield Difference(path, "code", shown(*pair), cause)
                return
    place = first_difference(one, other)
    if len(one) == len(other) and all((a ^ b) in (0, _FLAG_REF) for a, b in zip(one, other)):
        sentence = f"the same but for marks of references, from byte {place + _HEADER:#x} on"
        yield Difference(path, "code", sentence, Cause.BYTECODE_REFERENCES)
    else:
        sentence = f"from byte {place + _HEADER:#x} on"
        same_bytes = Counter(one) == Counter(other)
        yield Difference(path, "code", sentence, Cause.HASH_SEED if same_bytes else Cause.CONTENT)
