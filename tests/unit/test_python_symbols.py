"""What CPythons export, by data/python_symbols.json."""

from __future__ import annotations

import re

import pytest

from wheelfix.linkage._data import table
from wheelfix.linkage._python_symbols import exports, history


@pytest.mark.parametrize(
    ("symbol", "version", "flags", "expected"),
    [
        ("PyList_New", (3, 6), "", True),
        ("PyList_New", (3, 15), "t", True),
        ("memcpy", (3, 12), "", False),
        # another module's, which may be built in
        ("PyInit__ctypes", (3, 12), "", None),
        ("PyModExport_m", (3, 15), "", None),
        # Python 3.13: new, gone, and either by the GIL
        ("PyDict_Pop", (3, 12), "", False),
        ("PyDict_Pop", (3, 13), "", True),
        ("PyUnicode_AsUnicode", (3, 11), "", True),
        ("PyUnicode_AsUnicode", (3, 12), "", False),
        ("_Py_MergeZeroLocalRefcount", (3, 13), "", False),
        ("_Py_MergeZeroLocalRefcount", (3, 13), "t", True),
        # a later 3.12 has it, 3.12.1 hasn't
        ("_PySys_Audit", (3, 12), "", None),
        ("PyNothing", (3, 12), "", False),
        ("_PyNothing", (3, 15), "t", False),
        # only debug builds have it
        ("_Py_NegativeRefcount", (3, 13), "", False),
        ("_Py_NegativeRefcount", (3, 13), "d", None),
        ("PyList_New", (3, 13), "d", True),
        # no such Pythons, or none that anything is known of
        ("PyList_New", (3, 12), "t", None),
        ("PyList_New", (3, 5), "", None),
        ("PyNothing", (3, 5), "", None),
        # the stable ABI stays
        ("PyList_New", (3, 99), "", True),
        ("PyList_New", (3, 99), "t", True),
        ("_Py_Dealloc", (3, 99), "", True),
        ("PyAsyncGen_New", (3, 99), "", None),
        ("_PyLong_AsByteArray", (3, 99), "", None),
        ("PyNothing", (3, 99), "", None),
        ("PyList_New", None, "", True),
        ("PyDict_Pop", None, "", None),
        ("_PyNothing", None, "", None),
    ],
)
def test_what_is_exported(
    symbol: str,
    version: tuple[int, int] | None,
    flags: str,
    expected: bool | None,  # noqa: FBT001 - a column
) -> None:
    answer = exports(symbol, version, free_threaded="t" in flags, debug="d" in flags)
    assert answer is expected


@pytest.mark.parametrize(
    ("symbol", "version", "free_threaded", "expected"),
    [
        ("PyDict_Pop", (3, 9), False, "which came with Python 3.13"),
        ("PyUnicode_AsUnicode", (3, 12), False, "which is gone since Python 3.12"),
        ("PyUnicode_AsUnicode", (3, 15), True, "which is gone since Python 3.12"),
        ("PyBytesWriter_Create", (3, 14), True, "which came with Python 3.15"),
        (
            "PyCFunction_New",
            (3, 9),
            False,
            "which is gone since Python 3.9 and back in Python 3.10",
        ),
        ("_Py_MergeZeroLocalRefcount", (3, 13), False, "which only free-threaded ones have"),
        ("PyNothing", (3, 13), False, None),
        # it has it, or may have it
        ("PyList_New", (3, 13), False, None),
        ("_PySys_Audit", (3, 12), False, None),
        ("PyList_New", (3, 99), False, None),
    ],
)
def test_what_is_said_of_a_symbol_that_is_lacking(
    symbol: str,
    version: tuple[int, int],
    free_threaded: bool,  # noqa: FBT001 - a column
    expected: str | None,
) -> None:
    assert history(symbol, version, free_threaded=free_threaded) == expected


def test_the_table_is_whole() -> None:
    found = table("python_symbols.json")
    columns, lines = found["columns"], found["symbols"]
    assert columns == [
        *(f"3.{minor}" for minor in range(6, 16)),
        *(f"3.{minor}t" for minor in range(13, 16)),
        "newer",
        "newer t",
    ]
    names = [name for text in lines.values() for name in text.split()]
    assert len(names) == len(set(names)) > 2500
    assert all(re.fullmatch(r"_?Py\w+", name) for name in names)
    assert all(re.fullmatch(r"[-+?]+", line) and len(line) == len(columns) for line in lines)
    assert not [line for line in lines if not line.strip("-")], "nobody has it"


def test_the_stable_abi_is_what_the_other_table_says() -> None:
    stable = {
        name
        for line, text in table("python_symbols.json")["symbols"].items()
        if line.endswith("++")
        for name in text.split()
    }
    # those exist in debug builds only
    in_debug_builds = {"_Py_NegativeRefcount", "_Py_RefTotal"}
    private = set(table("stable_abi_private.json")["symbols"])
    assert {name for name in stable if name.startswith("_Py")} == private - in_debug_builds
