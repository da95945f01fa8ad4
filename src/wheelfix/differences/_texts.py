"""Why two pieces of text, or of bytes with text in them, differ."""

from __future__ import annotations

import os.path
import re
from itertools import islice
from typing import TYPE_CHECKING

from wheelfix.build_paths import PathKind, paths_in
from wheelfix.differences._model import Cause, Difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["cause_of_strings", "differing_strings", "first_difference", "shown", "text_differences"]

_SHOWN = 60
_BEFORE = 24
_DATE = re.compile(
    rb"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-3]\d 20\d\d\b"
    rb"|(?<!\d)20\d\d[-/.]?[01]\d[-/.]?[0-3]\d(?!\d)"
    rb"|(?<!\d)[0-2]\d:[0-5]\d:[0-5]\d(?!\d)|(?<!\d)1[5-9]\d{8}(?:\.\d+)?(?!\d)"
)
_COMPILER = re.compile(
    rb"\b(?:GCC|clang|rustc|LLD|Linker|GNU C(?:\d\d|\+\+)?|GNU (?:AS|Fortran)|icc|icx|nvcc|Cython|mypyc|SWIG)\b"
)
#: gcc's names of what has none, from a random number unless -frandom-seed is given; object files of an LTO
_RANDOM_NAME = re.compile(
    rb"_GLOBAL__[\w.$]+_[0-9a-fA-F]{8}_(?:0x)?[0-9a-fA-F]{8}|\bcc[A-Za-z0-9]{6}(?:\.ltrans\w*)*\.[os]\b"
)
_PATH = re.compile(rb"(?<![\w/.])/[\w.+@~=-]+(?:/[\w.+@~=-]+)*/?")
#: the same on every machine, or of other packages: no build is done there
_SYSTEM = re.compile(rb"/(?:usr|lib\w*|opt|etc|bin|sbin|proc|dev|sys|run)/")
#: what lies behind the folders of cargo itself: name and version of the crate, and the file
_CRATE = re.compile(rb"/(?:registry/src/[^/]+|git/checkouts)/(.*)", re.DOTALL)
_FILE_ENDING = re.compile(rb"\.[A-Za-z][a-z+]{0,4}\Z")
_STRING = re.compile(rb"[\x20-\x7e]{4,}")
#: each needs a hundred bytes of memory and more; the largest debug sections of known wheels have half as many
_MAX_STRINGS = 1_000_000


def first_difference(one: bytes, other: bytes) -> int:
    """Give the first byte in which two contents differ; the length of the shorter one if it begins the other."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    # slices are compared at the speed of memory, a loop is not
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


def differing_strings(one: bytes, other: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Pair the texts that stand in one content only: first paths of files of one name, then the rest in its order.

    Linkers sort the strings of a section by their hashes, so that the same place may hold another one.
    """
    strings, others = (
        [found[0] for found in islice(_STRING.finditer(each), _MAX_STRINGS)]
        for each in (one, other)
    )
    known, others_known = set(strings), set(others)
    alone = [each for each in strings if each not in others_known]
    others_alone = [each for each in others if each not in known]
    by_name = {each.rpartition(b"/")[2]: each for each in reversed(others_alone) if b"/" in each}
    paired = {
        each: by_name[name]
        for each in alone
        if (name := each.rpartition(b"/")[2]) in by_name and b"/" in each
    }
    yield from paired.items()
    rest = set(paired.values())
    yield from zip(
        (each for each in alone if each not in paired),
        (each for each in others_alone if each not in rest),
    )


def shown(one: bytes, other: bytes) -> str:
    """Say what stands in the one and in the other, shortened around the first difference."""
    start = max(first_difference(one, other) - _BEFORE, 0)
    return f"{_quoted(one, start)} and {_quoted(other, start)}"


def _quoted(text: bytes, start: int = 0) -> str:
    cut = text[start : start + _SHOWN].decode("utf-8", "backslashreplace")
    cut = "".join(each if each.isprintable() else repr(each)[1:-1] for each in cut)
    before = "…" if start else ""
    after = "…" if len(text) > start + _SHOWN else ""
    return f'"{before}{cut}{after}"'


def cause_of_strings(one: bytes, other: bytes) -> Cause | None:
    """Guess why two texts differ that stand in the same place.

    :return: None where nothing tells.
    """
    if one == other:
        return None
    if {*_RANDOM_NAME.findall(one)} != {*_RANDOM_NAME.findall(other)}:
        return Cause.RANDOM_NAMES
    paths, other_paths = ({each[1:] for each in paths_in(text)} for text in (one, other))
    if _random_names(paths) != _random_names(other_paths):
        return Cause.RANDOM_FOLDER
    if _COMPILER.search(one) and _COMPILER.search(other):
        is_same = one.partition(b" -")[0] == other.partition(b" -")[0]
        return Cause.OPTIONS if is_same else Cause.COMPILER
    tails, other_tails = (
        {_tail(text.encode("utf-8", "replace")) for _, text in each}
        for each in (paths - other_paths, other_paths - paths)
    )
    if tails & other_tails or _is_same_elsewhere(one, other):
        return Cause.BUILD_PATH
    if _DATE.sub(b"?", one) == _DATE.sub(b"?", other):
        return Cause.CLOCK
    return None


def _random_names(paths: Iterable[tuple[PathKind, str]]) -> set[str]:
    """Give the names of the random folders themselves: two builds may have been done in one."""
    parts = {part for kind, text in paths if kind is PathKind.RANDOM for part in text.split("/")}
    return {part for part in parts if any(paths_in(f"/tmp/{part}/x/y".encode()))}  # noqa: S108 - no file is opened


def _tail(path: bytes) -> bytes:
    """Give what of a path stays when the build is done in another folder."""
    crate = _CRATE.search(path)
    return crate[1] if crate else os.path.basename(path)


def _is_same_elsewhere(one: bytes, other: bytes) -> bool:
    """Tell whether two texts say the same of one file in two folders, or of two folders."""
    if _PATH.sub(b"/", one) != _PATH.sub(b"/", other):
        return False
    pairs = [pair for pair in zip(_PATH.findall(one), _PATH.findall(other)) if pair[0] != pair[1]]
    return bool(pairs) and all(_is_moved(*pair) for pair in pairs)


def _is_moved(one: bytes, other: bytes) -> bool:
    if _SYSTEM.match(one) and _SYSTEM.match(other):
        return False
    tails = _tail(one), _tail(other)
    if tails[0] == tails[1]:
        return True
    is_crate = _CRATE.search(one) or _CRATE.search(other)
    return not is_crate and not any(_FILE_ENDING.search(each) for each in tails)


def text_differences(path: str, one: bytes, other: bytes) -> Iterator[Difference]:
    """Compare two texts line by line."""
    if _unix(one) == _unix(other):
        endings = " and ".join("CRLF" if b"\r\n" in each else "LF" for each in (one, other))
        yield Difference(path, "line endings", endings, Cause.LINE_ENDINGS)
        return
    lines, others = one.splitlines(keepends=True), other.splitlines(keepends=True)
    start = next(
        (number for number, pair in enumerate(zip(lines, others)) if pair[0] != pair[1]),
        min(len(lines), len(others)),
    )
    if sorted(lines) == sorted(others):
        sentence = f"the same lines in another order, from line {start + 1} on"
        yield Difference(path, "order of lines", sentence, Cause.HASH_SEED)
        return
    end = 0
    while end < min(len(lines), len(others)) - start and lines[~end] == others[~end]:
        end += 1
    changed = (each[start : len(each) - end] for each in (lines, others))
    yield _changed_lines(path, start + 1, *changed)


def _unix(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n")


def _changed_lines(
    path: str, number: int, lines: Sequence[bytes], others: Sequence[bytes]
) -> Difference:
    """Say of what stands between the lines that are the same."""
    count = max(len(lines), len(others))
    more = f"; {count} lines in all" if count > 1 else ""
    if not lines or not others:
        which, line = ("first", lines[0]) if lines else ("second", others[0])
        sentence = f"only the {which} has {_quoted(line.rstrip())}{more}"
        return Difference(path, f"line {number}", sentence, Cause.CONTENT)
    pair = lines[0].rstrip(b"\r\n"), others[0].rstrip(b"\r\n")
    cause = cause_of_strings(*pair)
    words, other_words = (re.findall(rb"[\w.'\"-]+", each) for each in pair)
    if cause is None and words != other_words and sorted(words) == sorted(other_words):
        cause = Cause.HASH_SEED
    return Difference(path, f"line {number}", f"{shown(*pair)}{more}", cause or Cause.CONTENT)
