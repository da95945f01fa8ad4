"""Which symbols the CPythons of each minor version export, by ``data/python_symbols.json``."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from wheelfix.linkage._data import table

__all__ = ["exports", "history"]

_ANSWERS = {"+": True, "-": False, "?": None}
#: after these comes the name of a module, and which of them are built in differs
_OF_MODULES = ("PyInit_", "PyInitU_", "PyModExport_", "PyModExportU_")


class _Table(NamedTuple):
    """The table.

    :param columns: position by version and whether it is free-threaded; the version is None for any that is newer.
    :param lines: one answer for each column, by symbol.
    """

    columns: dict[tuple[tuple[int, int] | None, bool], int]
    lines: dict[str, str]

    def versions(self, *, free_threaded: bool) -> list[tuple[int, int]]:
        return sorted(
            version
            for version, is_free_threaded in self.columns
            if version is not None and is_free_threaded == free_threaded
        )

    def answer(self, symbol: str, version: tuple[int, int], *, free_threaded: bool) -> bool | None:
        known = self.versions(free_threaded=free_threaded)
        column = self.columns.get((version if version <= known[-1] else None, free_threaded))
        if column is None:
            return None
        line = self.lines.get(symbol)
        if line is None:
            return False if version in known else None
        return _ANSWERS[line[column]]


def exports(
    symbol: str,
    version: tuple[int, int] | None,
    *,
    free_threaded: bool = False,
    debug: bool = False,
) -> bool | None:
    """Tell whether a CPython exports a symbol.

    :param version: minor version; None for one that isn't known.
    :return: None where builds of that version differ, or it isn't known. Of versions newer than the table only the
        stable ABI is known, and a debug build has what others have, but perhaps more.
    """
    if not symbol.startswith(("Py", "_Py")):
        return False
    if symbol.startswith(_OF_MODULES):
        return None
    found = _table()
    if version is None:
        line = found.lines.get(symbol, "?")
        return True if set(line) == {"+"} else None
    answer = found.answer(symbol, version, free_threaded=free_threaded)
    return None if debug and not answer else answer


def history(symbol: str, version: tuple[int, int], *, free_threaded: bool = False) -> str | None:
    """Say which other Pythons have a symbol that this one lacks.

    :return: a clause that begins with "which"; None where there is nothing to say.
    """
    if exports(symbol, version, free_threaded=free_threaded) is not False:
        return None
    if not free_threaded and exports(symbol, version, free_threaded=True):
        return "which only free-threaded ones have"
    lacking, before, after = _lacking(symbol, version, free_threaded=free_threaded)
    if before and after is not None:
        return f"which is gone since Python {_dotted(lacking)} and back in Python {_dotted(after)}"
    if before:
        return f"which is gone since Python {_dotted(lacking)}"
    return None if after is None else f"which came with Python {_dotted(after)}"


def _lacking(
    symbol: str, version: tuple[int, int], *, free_threaded: bool
) -> tuple[tuple[int, int], bool, tuple[int, int] | None]:
    """Give the first version of those around one that lack a symbol, whether one before has it, and which after."""
    found = _table()
    kinds = dict.fromkeys(found.versions(free_threaded=False), False)
    if free_threaded:
        # before there were any, all had the GIL
        kinds.update(dict.fromkeys(found.versions(free_threaded=True), True))
    has = {
        each: exports(symbol, each, free_threaded=kind) is not False for each, kind in kinds.items()
    }
    before = max((each for each in has if each < version and has[each]), default=None)
    after = min((each for each in has if each > version and has[each]), default=None)
    first = min(each for each in has if before is None or each > before)
    return first, before is not None, after


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


@cache
def _table() -> _Table:
    found = table("python_symbols.json")
    columns = {
        (None if column == "newer" else _version(column), is_free_threaded): index
        for index, (column, is_free_threaded) in enumerate(map(_column, found["columns"]))
    }
    lines = {symbol: line for line, text in found["symbols"].items() for symbol in text.split()}
    return _Table(columns, lines)


def _column(name: str) -> tuple[str, bool]:
    return name.rstrip("t").rstrip(), name.endswith("t")


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)
