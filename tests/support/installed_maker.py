"""Makes environments and installed distributions that no installer would make."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from support.target_maker import make_target
from support.wheel_maker import record_hash

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wheelfix.targets import Target

__all__ = ["SITE", "hashed", "make_environment", "make_installed", "make_place"]

#: relative to the environment
SITE = "lib/python3.9/site-packages"


def make_place(root: Path, *, virtual: bool = True, **changes: str) -> Target:
    """Make the target of an interpreter below a folder, without a file.

    :param virtual: whether it is a virtual environment's.
    :param changes: of its paths.
    """
    paths = {
        "purelib": str(root / SITE),
        "platlib": str(root / SITE),
        "scripts": str(root / "bin"),
        "data": str(root),
        "headers": str(root / "include/python3.9"),
        "include": str(root / "include/python3.9"),
        "stdlib": str(root / "lib/python3.9"),
        **changes,
    }
    return make_target(
        "cp39-glibc",
        paths=paths,
        executable=str(root / "bin/python"),
        prefix=str(root),
        base_prefix="/usr" if virtual else str(root),
    )


def make_environment(root: Path, *, virtual: bool = True, **changes: str) -> Target:
    """Make an environment with an interpreter in it."""
    for folder in (SITE, "bin", "include/python3.9"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for file in ("bin/python3.9", "lib/python3.9/os.py", "pyvenv.cfg", "bin/Activate.ps1"):
        (root / file).write_bytes(b"")
    (root / "bin/python3").symlink_to("python3.9")
    (root / "bin/python").symlink_to("python3")
    return make_place(root, virtual=virtual, **changes)


def hashed(content: bytes | str) -> tuple[str, str]:
    """Give hash and size as RECORD has them."""
    content = content.encode() if isinstance(content, str) else content
    return record_hash(content), str(len(content))


def make_installed(
    site: Path,
    files: Mapping[str, bytes | str],
    *,
    name: str = "example",
    version: str = "1.0",
    rows: Mapping[str, tuple[str, str] | None] | None = None,
    more_rows: str = "",
    record: bytes | None = None,
    installer: str | None = "pip",
) -> Path:
    """Make an installed distribution, right in all that no argument makes wrong.

    :param site: its site folder.
    :param files: path, relative to it, and content.
    :param rows: hash and size that RECORD shall give instead of the right ones, None for no row.
    :param more_rows: text to add to RECORD.
    :param record: the whole RECORD.
    :param installer: content of INSTALLER.
    :return: the dist-info folder.
    """
    info = f"{name}-{version}.dist-info"
    contents = {**files, f"{info}/METADATA": f"Name: {name}\nVersion: {version}\n"}
    if installer is not None:
        contents[f"{info}/INSTALLER"] = f"{installer}\n"
    found: dict[str, tuple[str, str] | None] = {}
    for path, content in contents.items():
        location = site / path
        location.parent.mkdir(parents=True, exist_ok=True)
        location.write_bytes(content.encode() if isinstance(content, str) else content)
        found[path] = hashed(content)
    found[f"{info}/RECORD"] = ("", "")
    found.update(rows or {})
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(
        (path, *row) for path, row in found.items() if row is not None
    )
    text = (stream.getvalue() + more_rows).encode()
    (site / info / "RECORD").write_bytes(text if record is None else record)
    return site / info
