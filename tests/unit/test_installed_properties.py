"""Whatever a RECORD says, only a WheelfixError comes out, and nothing is named that may not go."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.installed_maker import SITE, hashed, make_environment, make_installed
from support.trees import names, tree
from wheelfix.errors import WheelfixError
from wheelfix.installed import Environment, find_installed, plan_removals
from wheelfix.layout import InstallOptions

# the same examples in every run, and no folder for those that failed
same_examples = settings(
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

#: what exists, with content "x"
_FILES = ("own.py", "pkg/own.py", "../../../bin/tool", "pkg/shared.py")
_PARTS = (
    *("own.py", "pkg", "bin", "tool", "shared.py", "..", "../../..", ".", "", "link", "loop"),
    *("python3", "pyvenv.cfg", "victim", "__pycache__", "own.cpython-39.pyc", "\0", "\ud800", "é"),
    *("example-1.0.dist-info", "other-1.0.dist-info", "RECORD", "METADATA", "lib", "os.py"),
)
_PATHS = st.one_of(
    st.sampled_from(_FILES),
    st.lists(st.sampled_from(_PARTS), max_size=6).map("/".join),
    st.text(max_size=20),
)
_HASHES = st.one_of(
    st.sampled_from([hashed("x")[0], hashed("")[0], "", "sha256=", "md5=x", "sha256"]),
    st.text(max_size=8),
)
_SIZES = st.one_of(st.sampled_from(["1", "0", "", "-1", "²"]), st.text("0123456789", max_size=30))
_ROWS = st.tuples(_PATHS, _HASHES, _SIZES).map(",".join)
_READABLE_ROWS = st.tuples(
    _PATHS.map(lambda path: path.replace("\0", "") or "."),
    st.sampled_from([hashed("x")[0], hashed("x")[0], hashed("")[0], "", "sha256="]),
    st.sampled_from(["1", "1", "0", ""]),
)


def _text(rows: list[tuple[str, str, str]]) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(rows)
    return stream.getvalue().encode(errors="replace")


_READABLE = st.lists(_READABLE_ROWS, min_size=1, max_size=12).map(_text)
_TEXTS = st.one_of(
    _READABLE,
    st.lists(_ROWS, max_size=8).map("\n".join).map(lambda text: text.encode(errors="replace")),
    st.text(max_size=200).map(lambda text: text.encode(errors="replace")),
    st.binary(max_size=200),
)


def _environment(folder: Path, record: bytes, other: bytes) -> Environment:
    root = folder / "env"
    target = make_environment(root)
    site = root / SITE
    make_installed(site, dict.fromkeys(_FILES, "x"), record=record)
    make_installed(site, {}, name="other", record=b"pkg/shared.py,,\n" + other)
    for path in (folder / "victim", root / "lib/python3.9/os.py", root / "bin/python3.9"):
        path.write_bytes(b"x")
    (site / "link").symlink_to(folder)
    (site / "loop").symlink_to("loop")
    return Environment([target], InstallOptions())


def _check(record: bytes, other: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = _environment(folder, record, other)
        site = folder / "env" / SITE
        may_go = {os.path.normpath(site / path) for path in _FILES if path != "pkg/shared.py"}
        may_go |= {str(path) for path in (site / "example-1.0.dist-info").iterdir()}
        before = tree(folder)
        with contextlib.suppress(WheelfixError):
            distributions = find_installed(["example"], environment)["example"]
            (removal,) = plan_removals(distributions, environment)
            assert may_go.issuperset(removal.files)
            assert {each.code.id for each in removal.findings} <= {"WF516"}
            assert names(tree(folder)) >= {os.path.relpath(path, folder) for path in removal.files}
        assert tree(folder) == before


@same_examples
@given(record=_TEXTS, other=_TEXTS)
def test_only_errors_of_one_tree_come_out(record: bytes, other: bytes) -> None:
    _check(record, other)


@same_examples
@given(record=_READABLE, other=_READABLE)
def test_only_what_may_go_is_named(record: bytes, other: bytes) -> None:
    _check(record, other)
