"""Hostile and odd wheels: each function tells what the wheel is to bring, and gives what makes it in a folder."""

from __future__ import annotations

import base64
import io
import tarfile
from typing import TYPE_CHECKING, Any

from support.raw_zip import RawMember, raw_zip
from support.wheel_maker import make_wheel, record_hash, symbolic_link
from support.zip_damage import change_data, change_local_name, change_member

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from typing_extensions import TypeAlias

    Maker: TypeAlias = Callable[[Path], Path]

__all__ = [
    "DATA",
    "INFO",
    "OUTSIDE",
    "archive",
    "brings",
    "compressed",
    "damaged",
    "entry_points",
    "metadata",
    "named",
    "no_wheel",
    "record",
    "record_rows",
    "script",
    "standard_base64",
    "tar_archive",
    "typed",
    "wheel",
    "without",
]

INFO, DATA = "example-1.0.dist-info", "example-1.0.data"
#: what a name begins with that leads from site-packages to the folder beside the environment
OUTSIDE = "../../../../outside"

_SOURCE = b"x = 1\n"
_ATTACK = b"attack\n"


def wheel(files: Mapping[str, bytes | str] | None = None, **changes: Any) -> Maker:
    """Bring these files; the changes are those of make_wheel."""
    return lambda folder: make_wheel(folder, {"example.py": _SOURCE, **(files or {})}, **changes)


def brings(*names: str, **changes: Any) -> Maker:
    """Bring members of these names, which RECORD lists as it should; "{outside}" is the absolute path of a folder."""

    def make(folder: Path) -> Path:
        outside = folder.parent / "outside"
        extra = [(name.format(outside=outside), _ATTACK) for name in names]
        return wheel(extra_members=extra, list_extra_members=True, **changes)(folder)

    return make


def typed(name: str, mode: int, content: bytes = _ATTACK, *more: str) -> Maker:
    """Bring a member with a file type and permissions of Unix, and others behind it."""

    def make(folder: Path) -> Path:
        member, _ = symbolic_link(name, "")
        member.external_attr = mode << 16
        extra = [(member, content), *((each, _ATTACK) for each in more)]
        return wheel(extra_members=extra, list_extra_members=True)(folder)

    return make


def compressed(method: int) -> Maker:
    """Bring "h", compressed by a method of the zip format."""

    def make(folder: Path) -> Path:
        member, _ = symbolic_link("h", "")
        member.external_attr = 0o100644 << 16
        member.compress_type = method
        return wheel(extra_members=[(member, _ATTACK)], list_extra_members=True)(folder)

    return make


def record(text: str | bytes) -> Maker:
    """Have this as RECORD."""
    return wheel(record=text)


def record_rows(**rows: tuple[str, str] | None) -> Maker:
    """Have rows for the module ("example"), or for another path, in the place of the right ones."""
    return wheel(
        record_rows={{"example": "example.py"}.get(path, path): row for path, row in rows.items()}
    )


def without(*names: str) -> Maker:
    """Leave files of the dist-info folder out."""
    return wheel(without=names)


def metadata(**contents: str) -> Maker:
    """Have files of the dist-info folder with another content."""
    return wheel({f"{INFO}/{name}": content for name, content in contents.items()})


def entry_points(text: str, files: Mapping[str, bytes | str] | None = None) -> Maker:
    """Have this as entry_points.txt."""
    return wheel(files, entry_points=text)


def script(name: str, files: Mapping[str, bytes | str] | None = None) -> Maker:
    """Have an entry point of this name."""
    return entry_points(f"[console_scripts]\n{name} = example:main\n", files)


def damaged(change: str) -> Maker:
    """Change bytes of a good archive."""

    def make(folder: Path) -> Path:
        path = wheel()(folder)
        if change == "another local name":
            change_local_name(path, "example.py", b"exampel.py")
        elif change == "no deflate":
            change_data(path, "example.py", b"\xff" * 4)
        elif change == "cut off":
            path.write_bytes(path.read_bytes()[:-30])
        else:
            offset, layout, value = _FIELDS[change]
            change_member(path, "example.py", offset, layout, value)
        return path

    return make


#: offset in the central directory's entry (APPNOTE.TXT 4.3.12), layout, value
_FIELDS = {
    "encrypted": (8, "H", 1),
    "strongly encrypted": (8, "H", 0x41),
    "deflate64": (10, "H", 9),
    "zstandard": (10, "H", 93),
    "another CRC-32": (16, "I", 0),
}


def archive(
    first: Mapping[str, Any] | None = None, *more: RawMember, more_rows: str = "", **changes: Any
) -> Maker:
    """Have a zip archive that no library would write.

    :param first: of the module's member; see RawMember.
    :param more: members that follow; RECORD lists them as it should.
    :param more_rows: text behind the right rows of RECORD.
    :param changes: see raw_zip.
    """
    members = [RawMember(**{"name": b"example.py", "content": _SOURCE, **(first or {})}), *more]
    members += [
        RawMember(
            name=f"{INFO}/METADATA".encode(),
            content=b"Metadata-Version: 2.1\nName: example\nVersion: 1.0\n",
        ),
        RawMember(
            name=f"{INFO}/WHEEL".encode(),
            content=b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
    ]
    rows = {
        _name(member): f'"{_name(member)}",{record_hash(member.content)},{_size(member)}\n'
        for member in members
        if not member.name.endswith(b"/")
    }
    text = "".join(rows.values()) + f"{INFO}/RECORD,,\n{more_rows}"
    members.append(RawMember(name=f"{INFO}/RECORD".encode(), content=text.encode()))

    def make(folder: Path) -> Path:
        path = folder / "example-1.0-py3-none-any.whl"
        path.write_bytes(raw_zip(members, **changes))
        return path

    return make


def _name(member: RawMember) -> str:
    return member.name.decode("utf-8" if member.flags & 0x800 else "cp437", "replace")


def _size(member: RawMember) -> int:
    return member.central.get("size", len(member.content))


def named(file_name: str) -> Maker:
    """Give a good wheel another file name."""
    return lambda folder: wheel()(folder).rename(folder / file_name)


def no_wheel(content: bytes) -> Maker:
    """Have a file that is no archive."""

    def make(folder: Path) -> Path:
        path = folder / "example-1.0-py3-none-any.whl"
        path.write_bytes(content)
        return path

    return make


def tar_archive() -> bytes:
    """Make a tar archive, which some tools see in a file that begins with it."""
    with io.BytesIO() as stream:
        with tarfile.open(fileobj=stream, mode="w") as opened:
            opened.addfile(tarfile.TarInfo("attack.py"))
        return stream.getvalue()


def standard_base64(content: bytes) -> str:
    """Give the sha256 in another form than RECORD's: with the padding, which PEP 376 leaves out."""
    digest = record_hash(content).partition("=")[2] + "="
    return "sha256=" + base64.b64encode(base64.urlsafe_b64decode(digest)).decode()
