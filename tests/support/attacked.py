"""An environment to be attacked, with a folder beside it that no installer has any business in."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from support.installed_maker import make_installed
from support.trees import tree
from support.wheel_maker import record_hash
from wheelfix.cli import main
from wheelfix.codes import CODES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest

    from support.attack_wheels import Maker

__all__ = ["EVERY_KEY", "LIBRARY", "SITE", "Answer", "Place"]

LIBRARY = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"
SITE = f"{LIBRARY}/site-packages"

#: all that a user could say to let things through
EVERY_KEY = [
    *(f"--allow {code.id}" for code in CODES.values() if code.can_be_allowed),
    *("--validate-record entries", "--validate-record none", "--overwrite-existing"),
]
_RECORD = re.compile(rf"{re.escape(SITE)}/(?:example|other)-[0-9.]+\.dist-info/RECORD")


class Answer(NamedTuple):
    """What the command line came to.

    :param status: exit status.
    :param codes: of all findings, those that refuse alone if it refuses.
    :param report: schema version 1.
    :param errors: what it said on stderr.
    """

    status: int
    codes: list[str]
    report: Mapping[str, Any]
    errors: str


class Place:
    """A folder with an environment ("env"), a folder beside it ("outside"), and one for the wheels.

    :ivar before: all that was there, but for the wheels.
    """

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder / "place"
        self.env = self.folder / "env"
        self.site = self.env / SITE
        self.outside = self.folder / "outside"
        self._wheels = self.folder / "wheels"
        self._capsys = capsys
        for each in (self.env / "bin", self.outside, self._wheels):
            each.mkdir(parents=True)
        self.site.mkdir(parents=True)
        for file in (
            *("outside/victim", "env/bin/python3", "env/pyvenv.cfg"),
            *(f"env/{LIBRARY}/os.py", "env/lib/libpython3.so"),
        ):
            (self.folder / file).write_text(f"{file}\n", "ascii")
        (self.env / "bin/python").symlink_to("python3")
        make_installed(self.site, {"neighbour/__init__.py": "x = 2\n"}, name="neighbour")
        self.note_state()

    def note_state(self) -> None:
        """Take what is there for what has to stay."""
        self.before = self._state()

    def _state(self) -> dict[str, tuple[str, int, bytes]]:
        found = tree(self.folder)
        return {path: row for path, row in found.items() if path.partition("/")[0] != "wheels"}

    def install(self, make: Maker, *keys: str) -> Answer:
        """Install a wheel.

        :param keys: options, with their arguments behind spaces.
        """
        wheel = make(self._wheels)
        arguments = [argument for key in keys for argument in key.split()]
        options = ["--prefix", str(self.env), "--no-compile-bytecode"]
        return self.call("install", *options, *arguments, str(wheel))

    def call(self, command: str, *arguments: str) -> Answer:
        """Call the command line."""
        self._capsys.readouterr()
        status = main([command, "--report", "-", "--wait", "0", *arguments])
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        report = json.loads(said.out)
        found = sorted({finding["code"] for finding in _findings(report)})
        return Answer(status, found, report, said.err)

    def assert_untouched(self) -> None:
        """Hold that everything is as it was, byte by byte, with nothing added."""
        assert self._state() == self.before

    def changes(self) -> tuple[dict[str, bytes], set[str]]:
        """Give what is new in the environment by path in it, and the paths of what is otherwise than before.

        Hold that nothing else was changed, and that nothing but plain files came.
        """
        after = self._state()
        new = {path: row for path, row in after.items() if self.before.get(path) != row}
        assert ".wheelfix" not in {part for path in after for part in path.split("/")}
        assert {path for path in self.before.keys() - after if not path.startswith("env/")} == set()
        assert {path.partition("/")[0] for path in new} <= {"env"}
        assert {kind for kind, _, _ in new.values()} <= {"file", "folder"}
        assert {mode for kind, mode, _ in new.values() if kind == "file"} <= {0o644, 0o755}
        changed = {path for path, row in self.before.items() if after.get(path) != row}
        files = {path: content for path, (kind, _, content) in new.items() if kind == "file"}
        return (
            {path[len("env/") :]: content for path, content in files.items()},
            {path[len("env/") :] for path in changed},
        )

    def assert_record_is_right(self, *, overwriting: bool = False) -> dict[str, bytes]:
        """Hold that what is new are the files that the wheel's RECORD lists, with the right hashes and sizes.

        :param overwriting: whether files that were there may have been replaced.
        :return: what is new, by path in the environment.
        """
        new, changed = self.changes()
        assert overwriting or not changed
        (path,) = [path for path in new if _RECORD.fullmatch(path)]
        rows = list(csv.reader(io.StringIO(new[path].decode(), newline="")))
        listed = {os.path.normpath(os.path.join(SITE, row[0])): (row[1], row[2]) for row in rows}
        assert len(listed) == len(rows)
        right = {each: (record_hash(content), str(len(content))) for each, content in new.items()}
        right[path] = ("", "")
        assert listed == right
        return new


def _findings(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = list(report["refusals"])
    for wheel in report.get("wheels", []):
        found += wheel["findings"]
        found += [each for decision in wheel["decisions"] for each in decision["findings"]]
    for distribution in report.get("distributions", []):
        found += distribution["findings"]
    return found
