"""What uv's configuration files say of the place that ``uv pip`` installs to.

Source: uv's documentation ("Configuration files") and ``crates/uv-settings/src/lib.rs``.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from wheelfix.wrapping._options import is_true

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wheelfix.wrapping._model import Situation
    from wheelfix.wrapping._options import Scanned

__all__ = ["ancestors", "uv_settings"]

_TABLES = {"uv.toml": "pip", "pyproject.toml": "tool.uv.pip"}
_PATHS = ("target", "prefix", "python")
_NAMES = (*_PATHS, "system")
# tomllib comes with Python 3.11; a table in braces is not seen
_LINE = re.compile(
    r"""\s*(?:
        \[{1,2}(?P<table>[^\[\]]+)\]
        | (?P<key>[\w\s.'"-]+?)\s*=\s*(?:"(?P<basic>[^"\\]*)"|'(?P<literal>[^']*)'|(?P<word>true|false))
    )""",
    re.VERBOSE,
)


def uv_settings(scanned: Scanned, situation: Situation) -> Iterator[dict[str, str]]:
    """Give for each file what it names: ``target``, ``prefix``, ``python``, ``system``; the first ones count more.

    Which of the projects above the current folder is the workspace, only uv knows: the files of all are read. Their
    paths are relative to the file, but to the current folder with ``--directory`` (measured, uv 0.13.9).
    """
    variables, folder = situation.variables, situation.folder
    if scanned.has("--no-config") or is_true(variables.get("UV_NO_CONFIG")):
        return
    named = scanned.values.get("--config-file") or variables.get("UV_CONFIG_FILE")
    if named:
        yield _read(os.path.join(folder, named), "pip", folder)
        return
    for above in ancestors(folder):
        for name, table in _TABLES.items():
            for base in dict.fromkeys((above, folder)):
                yield _read(os.path.join(above, name), table, base)
    for file in _common_files(variables):
        yield _read(file, "pip", folder)


def ancestors(folder: str) -> Iterator[str]:
    """Give a folder and those above it."""
    yield folder
    while (above := os.path.dirname(folder)) != folder:
        folder = above
        yield folder


def _common_files(variables: Mapping[str, str]) -> Iterator[str]:
    home = variables.get("HOME")
    own = variables.get("XDG_CONFIG_HOME") or (home and os.path.join(home, ".config"))
    everybodys = variables.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    for folder in (own, *everybodys.split(os.pathsep), "/etc"):
        if folder:
            yield os.path.join(folder, "uv", "uv.toml")


def _read(path: str, table: str, folder: str) -> dict[str, str]:
    """Read a file; one that isn't there, or that can't be read, says nothing.

    :param folder: that its paths are relative to.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError):
        return {}
    wanted = {f"{table}.{name}": name for name in _NAMES}
    found = {}
    current = ""
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        if match["table"] is not None:
            current = f"{_bare(match['table'])}."
            continue
        name = wanted.get(current + _bare(match["key"]))
        if name is not None:
            found[name] = match["basic"] or match["literal"] or match["word"] or ""
    return {name: _placed(name, value, folder) for name, value in found.items()}


def _bare(key: str) -> str:
    return re.sub(r"[\s'\"]", "", key)


def _placed(name: str, value: str, folder: str) -> str:
    # `python` may be a version, or a command
    is_path = name in {"target", "prefix"} or os.sep in value
    beside = os.path.join(folder, value)
    return beside if is_path or (name == "python" and os.path.exists(beside)) else value
