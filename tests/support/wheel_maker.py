"""Makes wheels that no build tool would make."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

__all__ = ["make_wheel", "record_hash", "symbolic_link"]


def record_hash(content: bytes, algorithm: str = "sha256") -> str:
    """Give a digest as RECORD has it: ``sha256=`` and urlsafe base64 without padding."""
    digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def symbolic_link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    """Make a member that Info-ZIP unpacks as a symbolic link, for ``extra_members``."""
    member = _member(name, 0o120777)
    return member, target.encode()


def _member(name: str, mode: int) -> zipfile.ZipInfo:
    # The oldest time that a zip can hold: the same input always gives the same bytes.
    member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    member.create_system = 3  # Unix: only then do installers read the mode
    member.external_attr = mode << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    return member


def _fields(fields: Mapping[str, str | Sequence[str] | None]) -> bytes:
    lines = []
    for name, value in fields.items():
        values = [value] if isinstance(value, str) else value or ()
        lines += [f"{name}: {one}\n" for one in values]
    return "".join(lines).encode()


def _expanded(tags: str) -> list[str]:
    interpreters, abis, platforms = (part.split(".") for part in tags.split("-"))
    return [f"{i}-{a}-{p}" for i in interpreters for a in abis for p in platforms]


def make_wheel(
    folder: Path,
    files: Mapping[str, bytes | str],
    *,
    name: str = "example",
    version: str = "1.0",
    build: str | None = None,
    tags: str = "py3-none-any",
    root_is_purelib: bool | None = None,
    wheel_fields: Mapping[str, str | Sequence[str] | None] | None = None,
    metadata: str = "",
    entry_points: str | None = None,
    executable: Collection[str] = (),
    hash_algorithm: str = "sha256",
    record_rows: Mapping[str, tuple[str, str] | None] | None = None,
    record: str | bytes | None = None,
    record_newline: str = "\n",
    without: Collection[str] = (),
    extra_members: Sequence[tuple[str | zipfile.ZipInfo, bytes]] = (),
    list_extra_members: bool = False,
) -> Path:
    """Make one wheel file, right in all that no argument makes wrong.

    :param folder: where the file goes; its name is made of name, version, build and tags.
    :param files: what it installs: path in the archive and content. The wheel's own data folder is
        ``{name}-{version}.data``, its metadata folder ``{name}-{version}.dist-info``.
    :param tags: a compressed tag set, as in the file name.
    :param root_is_purelib: as a rule, whether every platform is "any".
    :param wheel_fields: lines of WHEEL to replace or add; None drops a field.
    :param metadata: further lines of METADATA.
    :param entry_points: the text of entry_points.txt.
    :param executable: paths whose mode is 0755.
    :param hash_algorithm: for RECORD.
    :param record_rows: hash and size that RECORD shall give for a path instead of the right ones;
        None leaves the row out. A path that isn't there gets a row.
    :param record: the whole text of RECORD.
    :param without: members of the metadata folder to leave out ("WHEEL", "RECORD", ...).
    :param extra_members: written as they are, after the rest but RECORD.
    :param list_extra_members: whether RECORD has a row for each extra member that is no folder.
    """
    info = f"{name}-{version}.dist-info"
    if root_is_purelib is None:
        root_is_purelib = tags.endswith("-any")
    fields: dict[str, str | Sequence[str] | None] = {
        "Wheel-Version": "1.0",
        "Generator": "make_wheel",
        "Root-Is-Purelib": str(root_is_purelib).lower(),
        "Tag": _expanded(tags),
        "Build": build,
        **(wheel_fields or {}),
    }
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}"
    own = {"METADATA": about.encode(), "WHEEL": _fields(fields)}
    if entry_points is not None:
        own["entry_points.txt"] = entry_points.encode()
    members = {
        path: content.encode() if isinstance(content, str) else content
        for path, content in files.items()
    }
    for file, content in own.items():
        if file not in without:
            members.setdefault(f"{info}/{file}", content)
    rows: dict[str, tuple[str, str] | None] = {
        path: (record_hash(content, hash_algorithm), str(len(content)))
        for path, content in members.items()
    }
    if list_extra_members:
        named = ((each if isinstance(each, str) else each.filename, c) for each, c in extra_members)
        rows.update({n: (record_hash(c), str(len(c))) for n, c in named if not n.endswith("/")})
    rows[f"{info}/RECORD"] = ("", "")
    rows.update(record_rows or {})
    if "RECORD" not in without:
        text = _record_text(rows, record_newline) if record is None else record
        record_content = text.encode() if isinstance(text, str) else text

    parts = [name, version, *([build] if build else []), tags]
    wheel = folder / f"{'-'.join(parts)}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in members.items():
            mode = 0o100755 if path in executable else 0o100644
            archive.writestr(_member(path, mode), content)
        for extra, content in extra_members:
            member = _member(extra, 0o100644) if isinstance(extra, str) else extra
            archive.writestr(member, content)
        if "RECORD" not in without:
            archive.writestr(_member(f"{info}/RECORD", 0o100644), record_content)
    return wheel


def _record_text(rows: Mapping[str, tuple[str, str] | None], newline: str) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator=newline)
    writer.writerows((path, *row) for path, row in rows.items() if row is not None)
    return stream.getvalue()
