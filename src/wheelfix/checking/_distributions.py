"""An installed distribution, checked as it lies in its environment."""

from __future__ import annotations

import contextlib
import mmap
import os
import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from installer.utils import canonicalize_name, parse_metadata_file

from wheelfix import codes
from wheelfix._evidence import holds_no_code, member_with_head, path_entries_in
from wheelfix.checking._checking import check_contents
from wheelfix.checking._contents import MAX_SOURCE_SIZE, Contents, examined, findings_in_source
from wheelfix.checking._systems import folder_of_scheme
from wheelfix.codes import Finding
from wheelfix.elf import ELF_HEADER_SIZE
from wheelfix.errors import EnvironmentRefusedError, InvalidWheelError
from wheelfix.installed import distribution_of_entry
from wheelfix.planning import Member, Policy, Repair, Wheel
from wheelfix.record import read_record
from wheelfix.sources import metadata_tags
from wheelfix.targets.roots import InsideRoot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wheelfix.checking._contents import Buffer, Facts
    from wheelfix.checking._model import CheckedWheel, System
    from wheelfix.codes import Code
    from wheelfix.wheel_tags import WheelTag

__all__ = ["check_distribution", "check_installed", "installed_contents"]

#: bytes; RECORD of half a million files
_MAX_TEXT_SIZE = 64 * 1024 * 1024


def check_distribution(name: str, system: System, policy: Policy | None = None) -> CheckedWheel:
    """Foretell whether each module of an installed distribution will import, as it lies there.

    :param name: of the distribution, in any spelling (PEP 503).
    :param system: the target, in whose purelib or platlib it is.
    :param policy: which refusals shall count for nothing; nothing is renamed.
    :raises EnvironmentRefusedError: WF514 if it isn't installed, WF526 if nothing tells its files.
    :raises ValueError: if the system has no files.
    """
    inside = _inside(system)
    site, info = _find(name, system, inside)
    contents, missing = _contents(inside, site, info, with_source=True)
    checked = _checked(contents, site, system, policy)
    targets = [each._replace(findings=each.findings + missing) for each in checked.targets]
    return checked._replace(targets=tuple(targets))


def check_installed(
    site: str, info: str, system: System, policy: Policy | None = None, *, with_source: bool = True
) -> CheckedWheel:
    """Do the same where its place is known, of the files that are there.

    :param site: folder that the paths in RECORD start from, as the target sees it.
    :param info: name of the dist-info folder in it.
    :param with_source: whether its Python source is looked through as well.
    :raises EnvironmentRefusedError: WF526 if nothing tells its files.
    :raises ValueError: if the system has no files.
    """
    contents, _ = _contents(_inside(system), site, info, with_source=with_source)
    return _checked(contents, site, system, policy)


def installed_contents(
    inside: InsideRoot, site: str, info: str, *, with_source: bool = True
) -> Contents:
    """Read the files that RECORD lists as members of a wheel, with the facts of every ELF file.

    :param inside: the root file system that the target sees.
    :param site: folder that the paths in RECORD start from, as the target sees it.
    :param info: name of the dist-info folder in it.
    :param with_source: whether Python source is looked through as well.
    :raises EnvironmentRefusedError: WF526 if RECORD or WHEEL can't be read.
    """
    return _contents(inside, site, info, with_source=with_source)[0]


def _checked(contents: Contents, site: str, system: System, policy: Policy | None) -> CheckedWheel:
    return check_contents(
        contents,
        [replace(system, import_folder=site)],
        Policy(Repair.OFF, frozenset() if policy is None else policy.allow),
        check_tags=False,
    )


def _inside(system: System) -> InsideRoot:
    if system.root is None:
        raise ValueError("a profile has no installed distributions")
    return InsideRoot(system.root)


def _find(name: str, system: System, inside: InsideRoot) -> tuple[str, str]:
    """Give the site folder and the name of the dist-info folder in it."""
    wanted = canonicalize_name(name)
    sites = [folder_of_scheme(system, scheme) for scheme in ("purelib", "platlib")]
    if system.import_folder is None and system.target.base_prefix == system.target.prefix:
        # where Debian's packages are, which no scheme names (its site.py, getsitepackages)
        sites.append(f"{system.target.base_prefix}/lib/python3/dist-packages")
    sites = list(dict.fromkeys(sites))
    for site in sites:
        # what setup.py left of an older version may lie beside it
        entries = sorted(_names(inside, site), key=lambda entry: not entry.endswith(".dist-info"))
        for entry in entries:
            if distribution_of_entry(entry) == wanted:
                return site, entry
    places = " nor ".join(sites)
    return _refuse(codes.NOT_INSTALLED, name, f"it is not in {places}")


def _names(inside: InsideRoot, folder: str) -> list[str]:
    try:
        return inside.names(folder)
    except OSError as error:
        return _refuse(codes.NO_RECORD, folder, f"it can't be listed: {error.strerror}")


def _contents(
    inside: InsideRoot, site: str, info: str, *, with_source: bool
) -> tuple[Contents, tuple[Finding, ...]]:
    """Read what RECORD lists, and say which modules are missing."""
    name = os.path.splitext(info)[0]
    record = _text(inside, f"{site}/{info}/RECORD", name)
    try:
        rows = read_record(record).rows
    except ValueError as error:
        return _refuse(codes.NO_RECORD, name, str(error))
    members: list[Member] = []
    facts: dict[str, Facts] = {}
    findings: list[Finding] = []
    entries: list[str] = []
    missing: list[Finding] = []
    for path in rows:
        if not _can_be_imported(path, info):
            continue
        member = Member(path, "platlib", path)
        if not with_source and holds_no_code(path):
            members.append(member)
            continue
        with _content(inside, f"{site}/{path}") as content:
            if content is None:
                missing += _missing(member)
                continue
            member = member_with_head(member, bytes(content[:ELF_HEADER_SIZE]))
            if member.architecture is not None:
                member, facts[path] = examined(member, content)
            elif path.endswith(".py"):
                findings += findings_in_source(bytes(content[:MAX_SOURCE_SIZE]), path)
            elif path.endswith(".pth") and "/" not in path:
                entries += path_entries_in(bytes(content[:MAX_SOURCE_SIZE]))
        members.append(member)
    tags = _tags(inside, site, info)
    wheel = Wheel(name, tags, tuple(members), path_entries=tuple(entries))
    return Contents(wheel, facts, tuple(findings)), tuple(missing)


def _missing(member: Member) -> list[Finding]:
    """Say of a file that RECORD lists and that isn't there what that comes to, if its name is a module's."""
    name = member.extension_name
    if name is None or name.is_bare:
        return []
    sentence = "RECORD lists it, and it can't be read or isn't there"
    return [Finding(codes.NOT_VERIFIED, member.path, sentence)]


def _can_be_imported(path: str, info: str) -> bool:
    """Tell it from scripts and data, which lie outside of the folder, from bytecode and metadata."""
    folders = path.split("/")[:-1]
    return not path.startswith("/") and not {"..", "__pycache__", info}.intersection(folders)


def _tags(inside: InsideRoot, site: str, info: str) -> frozenset[WheelTag]:
    name = os.path.splitext(info)[0]
    wheel = parse_metadata_file(_text(inside, f"{site}/{info}/WHEEL", name))
    try:
        # what isn't ASCII is no text there (email.policy.compat32)
        return metadata_tags([str(tag) for tag in wheel.get_all("Tag") or []], name)
    except InvalidWheelError as error:
        return _refuse(codes.NO_RECORD, name, error.findings[0].sentence)


def _text(inside: InsideRoot, path: str, name: str) -> str:
    try:
        return inside.read(path, _MAX_TEXT_SIZE).decode("utf-8", "surrogateescape")
    except OSError as error:
        file = posixpath.basename(path)
        return _refuse(codes.NO_RECORD, name, f"its {file} can't be read: {error.strerror}")


@contextlib.contextmanager
def _content(inside: InsideRoot, path: str) -> Iterator[Buffer | None]:
    """Give a file's content; None where it can't be read: then it can't be imported either."""
    try:
        stream = inside.open(path)
    except OSError:
        yield None
        return
    with stream:
        # an empty file can't be mapped
        if not os.fstat(stream.fileno()).st_size:
            yield b""
            return
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content


def _refuse(code: Code, subject: str, sentence: str) -> NoReturn:
    raise EnvironmentRefusedError([Finding(code, subject, sentence)])
