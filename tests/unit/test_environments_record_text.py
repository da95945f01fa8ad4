"""RECORD as a text in which single rows change: which rows, and that all others keep every byte."""

from __future__ import annotations

import pytest

from wheelfix.environments._record_text import RecordText

A, B, C = "pkg/a.musl.so", "pkg/a.gnu.so", "pkg/a.abi3.so"


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        (f"{A},x,1\npkg/b.py,,\n", [(A, B)], f"{B},x,1\npkg/b.py,,\n"),
        (f"{A},x,1\npkg/b.py,,\n", [(A, B), (B, C)], f"{C},x,1\npkg/b.py,,\n"),
        (f"{A},x,1\npkg/b.py,,\n", [(A, B), (B, A)], f"{A},x,1\npkg/b.py,,\n"),
        # rows that come to bear one name go on together
        (f"{A},x,1\n{B},y,2\n", [(A, B), (B, C)], f"{C},x,1\n{C},y,2\n"),
        (f"{B},y,2\n{A},x,1\n{A},x,1\n", [(A, B), (B, C)], f"{C},y,2\n{C},x,1\n{C},x,1\n"),
        (f"{A},x,1\n", [(B, C)], f"{A},x,1\n"),
        (f"{A},x,1\n", [(A, A)], f"{A},x,1\n"),
    ],
)
def test_rows_that_are_renamed(text: str, names: list[tuple[str, str]], expected: str) -> None:
    record = RecordText(text)
    for path, new_path in names:
        record.rename(path, new_path)
    assert record.text == expected


def test_what_is_listed_after_each_change() -> None:
    record = RecordText(f"{A},x,1\r\npkg/b.py,,\r\npkg-1.dist-info/RECORD,,")
    record.rename(A, B)
    assert [record.lists(path) for path in (A, B, C)] == [False, True, False]
    record.duplicate(B, C)
    assert [record.lists(path) for path in (A, B, C)] == [False, True, True]
    record.put("pkg-1.dist-info/more", "y", 2)
    assert record.lists("pkg-1.dist-info/more")
    record.remove(B)
    assert [record.lists(path) for path in (A, B, C)] == [False, False, True]
    record.rename(C, A)
    assert (
        record.text
        == f"{A},x,1\r\npkg/b.py,,\r\npkg-1.dist-info/more,y,2\npkg-1.dist-info/RECORD,,"
    )
