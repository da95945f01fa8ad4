"""The dist-info folder of a wheel: WHEEL, METADATA and entry points, held against the file name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.utils import canonicalize_name, parse_entrypoints, parse_metadata_file

from wheelfix import codes
from wheelfix.archive._names import interpreter_name, unsafe_reason

if TYPE_CHECKING:
    from collections.abc import Collection

    from wheelfix.archive._inspection import Inspection

__all__ = [
    "check_entry_points",
    "check_metadata",
    "find_dist_info",
    "is_pure",
    "wheel_version",
]


def find_dist_info(
    folders: Collection[str],
    distribution: str,
    version: str,
    data_dir: str,
    inspection: Inspection,
) -> str:
    """Give the name of the one dist-info folder.

    :param folders: all folders of the wheel.
    :param data_dir: name of the .data folder, whose import schemes would bring a second one into site-packages.
    :raises InvalidWheelError: WF403 if there is none, a second one, or another project's.
    """
    all_found = [folder for folder in folders if folder.endswith(".dist-info")]
    found = sorted(folder for folder in all_found if "/" not in folder)
    for scheme in ("purelib", "platlib"):
        start = f"{data_dir}/{scheme}/"
        inner = (each[len(start) :] for each in all_found if each.startswith(start))
        found += sorted(each for each in inner if "/" not in each and each not in found)
    if len(found) != 1:
        sentence = f"there must be one dist-info folder, found {found or 'none'}"
        inspection.refuse(codes.BAD_DIST_INFO, sentence)
    name, _, found_version = found[0][: -len(".dist-info")].rpartition("-")
    if canonicalize_name(name) != canonicalize_name(distribution):
        sentence = f"the dist-info folder {found[0]!r} is another project's"
        inspection.refuse(codes.BAD_DIST_INFO, sentence)
    if not _same_version(found_version, version):
        sentence = f"the dist-info folder {found[0]!r} is of another version than {version}"
        inspection.add(codes.VERSION_DISAGREES, sentence)
    return found[0]


def wheel_version(text: str, inspection: Inspection) -> str:
    """Give the Wheel-Version of WHEEL.

    :raises InvalidWheelError: WF404 if it isn't 1.x.
    """
    version = str(parse_metadata_file(text)["Wheel-Version"] or "").strip()
    if not version.startswith("1."):
        sentence = f"Wheel-Version is {version or 'missing'}, known here is 1.x"
        inspection.refuse(codes.BAD_WHEEL_METADATA, sentence)
    if version != "1.0":
        sentence = f"Wheel-Version is {version}, known here is 1.0"
        inspection.add(codes.NEWER_WHEEL_VERSION, sentence)
    return version


def is_pure(text: str) -> bool:
    """Say whether WHEEL has the root installed to purelib, in whatever case (pip: ``wheel_root_is_purelib``)."""
    return str(parse_metadata_file(text)["Root-Is-Purelib"] or "").strip().lower() == "true"


def check_metadata(text: str, distribution: str, version: str, inspection: Inspection) -> None:
    """Hold Name and Version of METADATA against the file name: WF423, WF422."""
    head = text.replace("\r\n", "\n").partition("\n\n")[0]
    fields = parse_metadata_file(head)
    name, found_version = (str(fields[field] or "").strip() for field in ("Name", "Version"))
    if not name or not found_version:
        inspection.add(codes.BAD_METADATA, "METADATA has no Name or no Version")
    elif canonicalize_name(name) != canonicalize_name(distribution):
        inspection.add(codes.BAD_METADATA, f"METADATA is that of {name!r}")
    elif not _same_version(found_version, version):
        sentence = f"METADATA is that of version {found_version!r}"
        inspection.add(codes.VERSION_DISAGREES, sentence)


def check_entry_points(text: str, inspection: Inspection) -> None:
    """Look at the names of the scripts to be made: WF409, WF424."""
    try:
        names = [name for name, _, _, _ in parse_entrypoints(text)]
    # configparser's errors, and AssertionError or AttributeError for a malformed reference
    except Exception as error:  # noqa: BLE001 - see above
        sentence = f"entry_points.txt can't be read: {str(error) or 'malformed reference'}"
        inspection.refuse(codes.BAD_ENTRY_POINTS, " ".join(sentence.split()), error)
    for name in names:
        if "/" in name or unsafe_reason(name) is not None:
            inspection.add(codes.BAD_ENTRY_POINTS, f"{name!r} can't be a script's name")
        elif interpreter_name(name):
            sentence = f"the entry point {name!r} bears the name of the interpreter"
            inspection.add(codes.SHADOWS_INTERPRETER, sentence)


def _same_version(one: str, other: str) -> bool:
    """Compare versions as PEP 440 does; a file name has underscores where a version has hyphens."""
    if one == other:
        return True
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one.replace("_", "-")) == Version(other.replace("_", "-"))
    except InvalidVersion:
        return one.replace("-", "_").casefold() == other.replace("-", "_").casefold()
