"""RECORD as a text in which single rows are changed; all others keep every byte (line ends and quotes too)."""

from __future__ import annotations

import csv

__all__ = ["RecordText"]


class RecordText:
    """The rows of a RECORD.

    :param text: of the file, with its line ends.
    """

    def __init__(self, text: str) -> None:
        self._rows = _split(text)
        #: where the rows of each path are; None where that isn't known any more
        self._index: dict[str, list[int]] | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self._rows)

    def lists(self, path: str) -> bool:
        """Say whether there is a row for a path."""
        return bool(self._places(path))

    def rename(self, path: str, new_path: str) -> None:
        """List a file under another name in its folder; hash and size stay."""
        index = self._indexed()
        places = index.pop(path, [])
        for place in places:
            self._rows[place] = _renamed(self._rows[place], path, new_path)
        if places:
            index[new_path] = sorted([*index.get(new_path, ()), *places])

    def duplicate(self, path: str, new_path: str) -> None:
        """List a second file of the same content behind the first."""
        for place in self._places(path)[-1:]:
            row = self._rows[place]
            self._rows[place : place + 1] = [
                row if _end_of(row) else f"{row}\n",
                _renamed(row, path, new_path),
            ]
        self._index = None

    def remove(self, path: str) -> None:
        """Take the rows of a path away."""
        gone = set(self._places(path))
        if not gone:
            return
        last = self._rows[-1]
        self._rows = [row for place, row in enumerate(self._rows) if place not in gone]
        if self._rows:
            self._rows[-1] = _with_end_of(last, self._rows[-1])
        self._index = None

    def put(self, path: str, hash_: str, size: int) -> None:
        """List a file of the dist-info folder, in the place of its row or before RECORD's own."""
        places = self._places(path)
        own = [place for place, row in enumerate(self._rows) if _path_of(row).endswith("/RECORD")]
        place = (places or own or [0])[0]
        model = self._rows[place] if self._rows else ""
        row = f"{_quoted(path)},{hash_},{size}{_end_of(model) or chr(10)}"
        self._rows[place : place + 1 if places else place] = [row]
        self._index = None

    def _places(self, path: str) -> list[int]:
        return self._indexed().get(path, [])

    def _indexed(self) -> dict[str, list[int]]:
        if self._index is None:
            self._index = {}
            for place, row in enumerate(self._rows):
                self._index.setdefault(_path_of(row), []).append(place)
        return self._index


def _split(text: str) -> list[str]:
    """Split it into rows; one may go over several lines, where a path with a line end is quoted."""
    rows: list[str] = []
    is_open = False
    for line in _lines(text):
        if is_open:
            rows[-1] += line
        else:
            rows.append(line)
        is_open = rows[-1].count('"') % 2 == 1
    return rows


def _lines(text: str) -> list[str]:
    # str.splitlines would also end a line within a file's name, at U+2028 for one
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return [line for line in lines if line]


def _path_of(row: str) -> str:
    if '"' not in row:
        return row.partition(",")[0].replace("\\", "/").rstrip("\r\n")
    fields = next(csv.reader([row]), [""])
    return fields[0].replace("\\", "/")


def _renamed(row: str, path: str, new_path: str) -> str:
    """Change the name as it stands there, with its quotes or without: neither a hash nor a size has a dot in it."""
    name, new_name = (each.rpartition("/")[2] for each in (path, new_path))
    # what has to be quoted is in the stem, if anywhere
    stem = name.partition(".")[0]
    suffix, new_suffix = name[len(stem) :], new_name[len(stem) :]
    start = row.rindex(suffix)
    return row[:start] + new_suffix + row[start + len(suffix) :]


def _quoted(path: str) -> str:
    return '"{}"'.format(path.replace('"', '""')) if set(path) & set('",\r\n') else path


def _end_of(row: str) -> str:
    return row[len(row.rstrip("\r\n")) :]


def _with_end_of(model: str, row: str) -> str:
    return row.rstrip("\r\n") + _end_of(model)
