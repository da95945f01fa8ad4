"""The paths of a wheel's members: which can't be installed, and which won't work everywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from installer.utils import SCHEME_NAMES, canonicalize_name

from wheelfix import codes
from wheelfix.archive._inspection import several

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from installer.sources import WheelSource

    from wheelfix.archive._inspection import Inspection

__all__ = [
    "check_names",
    "folders_of",
    "installed_paths",
    "interpreter_name",
    "scheme_of",
    "unsafe_reason",
]

#: NAME_MAX and PATH_MAX of Linux (limits.h), in bytes
_MAX_COMPONENT_LENGTH, _MAX_PATH_LENGTH = 255, 4096
#: Real wheels have 12 at most. Each folder's path is held in memory, so ten thousand deep ones would need gigabytes.
_MAX_DEPTH = 128
#: what nothing is wrong with, character by character; what else there is, is looked at closely
_HARMLESS = (
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./ ,()[]{}@=~!#$%&';^`"
)
#: folder of the staged files and of the journal
_STAGING_PREFIX = ".wheelfix"
#: category C but for the unassigned ones (Cn): which those are depends on the version of Unicode
_CONTROL_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs"})
#: "Naming Files, Paths, and Namespaces" of the Windows documentation
_DEVICES_OF_WINDOWS = re.compile(
    "/(?:con|prn|aux|nul|conin\\$|conout\\$|(?:com|lpt)[0-9\xb9\xb2\xb3])(?:\\.[^/\n]*)?[/\n]"
)
_NOT_ON_WINDOWS = ("./", ".\n", " /", " \n", *'<>:"|?*')
#: what starts an interpreter: uv's list of names that no script may have, and the other implementations'
_INTERPRETER = re.compile(
    r"(?:python|pypy|graalpy)w?(?:[0-9]+(?:\.[0-9]+)?[a-z]{0,2})?w?(?:-intel64)?(?:\.exe)?",
    re.IGNORECASE,
)


def interpreter_name(name: str) -> bool:
    """Say whether a script of this name would be taken for the interpreter."""
    return _INTERPRETER.fullmatch(name) is not None


def check_names(
    paths: Sequence[str], folders: set[str], data_dir: str, inspection: Inspection
) -> None:
    """Look at the paths of all members, folders too: WF408, WF418.

    :param folders: see :func:`folders_of`.
    :param data_dir: name of the .data folder; those that are the same normalised go by this name already.
    """
    text = _joined(paths)
    for path, reason in _unsafe_paths(paths, text, data_dir):
        inspection.add(codes.UNSAFE_MEMBER, f"{path!r} {reason}")
    for path in sorted(folders.intersection(paths)):
        inspection.add(codes.UNSAFE_MEMBER, f"{path!r} is a file and a folder at once")
    for kind, found in _not_portable(paths, text, folders):
        inspection.add(codes.NAME_NOT_PORTABLE, f"{several(found)} {kind}")


def unsafe_reason(path: str) -> str | None:
    """Say why a path can't be installed as it is; a folder's path ends with a slash."""
    if path.startswith("/"):
        return "is an absolute path"
    parts = path[:-1].split("/") if path.endswith("/") else path.split("/")
    if ".." in parts:
        return "leads out of its folder"
    if "" in parts or "." in parts:
        return "has an empty or '.' component"
    if "\\" in path:
        return "holds a backslash"
    if _has_control_character(path):
        return "holds a control character"
    lengths = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    if sum(lengths) + len(lengths) > _MAX_PATH_LENGTH:
        return f"is longer than {_MAX_PATH_LENGTH} bytes"
    if max(lengths) > _MAX_COMPONENT_LENGTH:
        return f"has a component of more than {_MAX_COMPONENT_LENGTH} bytes"
    if len(parts) > _MAX_DEPTH:
        return f"has more than {_MAX_DEPTH} components"
    # a file system that ignores case would take them for ours as well
    if any(part.casefold().startswith(_STAGING_PREFIX) for part in parts):
        return (
            f"has a component that begins with {_STAGING_PREFIX!r}, as the folder of staged files"
        )
    return None


def folders_of(paths: Iterable[str]) -> set[str]:
    """Give every folder that these files and folders lie in, or are, but for those that are refused as too deep."""
    folders: set[str] = set()
    for parent in {path.rpartition("/")[0] for path in paths if path.count("/") <= _MAX_DEPTH}:
        folder = parent
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def installed_paths(
    names: list[str], distribution: str, data_dir: str, inspection: Inspection
) -> list[str]:
    """Give the members' paths: their names, but with the .data folder's own name where they have another form of it.

    pip takes every folder of the top level that ends in .data for one (``is_data_scheme_path`` in
    ``_internal/operations/install/wheel.py``), installer and uv only the one that is spelled as the file name. Taken
    here are those whose project is the wheel's when normalised (WF426); the others are ordinary folders.
    """
    wanted = canonicalize_name(distribution)
    aliases = {
        top
        for top in {name.partition("/")[0] for name in names if ".data/" in name}
        if top != data_dir
        and top.endswith(".data")
        and canonicalize_name(top[: -len(".data")].rpartition("-")[0]) == wanted
    }
    if not aliases:
        return names
    for alias in sorted(aliases):
        sentence = f"the folder {alias!r} was taken for {data_dir!r}"
        inspection.add(codes.DATA_FOLDER_NAME, sentence)
    return [
        f"{data_dir}/{rest}" if separator and top in aliases else name
        for name in names
        for top, separator, rest in [name.partition("/")]
    ]


def scheme_of(path: str, source: WheelSource, root_scheme: str) -> tuple[str, str]:
    """Tell in which scheme, and where in it, installer puts a member.

    Source: the wheel specification, "The .data directory", as in installer's ``_core._determine_scheme``.
    """
    if not path.startswith(f"{source.data_dir}/"):
        return root_scheme, path
    scheme, _, rest = path[len(source.data_dir) + 1 :].partition("/")
    return scheme, rest


def _unsafe_paths(paths: Sequence[str], text: str, data_dir: str) -> Iterator[tuple[str, str]]:
    looks_safe = _look_safe(paths, text)
    for path in paths:
        reason = None if looks_safe else unsafe_reason(path)
        if reason is None and path.startswith(data_dir):
            reason = _unsafe_data_path(path, data_dir)
        if reason is not None:
            yield path, reason


def _look_safe(paths: Sequence[str], text: str) -> bool:
    """Look at all paths at once: ten times as fast as one by one, which only the rare ones need."""
    # (and none that is too deep either)
    if len(text) > _MAX_COMPONENT_LENGTH and max(map(len, paths)) > _MAX_COMPONENT_LENGTH:
        return False
    doubtful = ("//", "/./", "/.\n", "/../", "/..\n", f"/{_STAGING_PREFIX}")
    lowered = text.lower()
    return (
        lowered.isascii()
        and all(paths)
        and text.count("\n") == len(paths)
        and not text.encode("ascii").translate(None, _HARMLESS + b"\n")
        and not any(part in lowered for part in doubtful)
    )


def _joined(paths: Iterable[str]) -> str:
    """Join paths so that every component has a slash before, and a slash or a line's end behind it."""
    return "/" + "\n/".join(paths) + "\n"


def _has_control_character(path: str) -> bool:
    if path.isascii():
        return not path.isprintable()
    import unicodedata

    return any(unicodedata.category(character) in _CONTROL_CATEGORIES for character in path)


def _unsafe_data_path(path: str, data_dir: str) -> str | None:
    if path == f"{data_dir}/":
        return None
    scheme, separator, _ = path[len(data_dir) + 1 :].partition("/")
    if not path.startswith(f"{data_dir}/") or not separator:
        # installer looks for the folder above for ever (_core._determine_scheme): 1.1.0 only if the whole path
        # is the folder's name, 0.7.0 also if it begins so
        return "is no file of a scheme in the .data folder"
    if scheme not in SCHEME_NAMES:
        return f"is in no known scheme of the .data folder ({', '.join(SCHEME_NAMES)})"
    return None


def _not_portable(
    paths: Sequence[str], text: str, folders: set[str]
) -> Iterator[tuple[str, list[str]]]:
    """Give each kind of trouble that other file systems would have, and the paths that bring it."""
    if _is_odd_on_windows(text):
        odd = [path for path in paths if _is_odd_on_windows(_joined([path]))]
        yield "can't be had on Windows", odd
    files_and_folders = folders.union(path for path in paths if path[-1:] != "/")
    if len(set(map(str.casefold, files_and_folders))) < len(files_and_folders):
        same = _repeated(files_and_folders, str.casefold)
        yield "can't be told from another path where case doesn't count", same
    if not text.isascii():
        from unicodedata import normalize

        same = _repeated(files_and_folders, lambda path: normalize("NFC", path))
        if same:
            yield "can't be told from another path where Unicode is normalised", same


def _is_odd_on_windows(text: str) -> bool:
    return (
        any(part in text for part in _NOT_ON_WINDOWS)
        or _DEVICES_OF_WINDOWS.search(text.lower()) is not None
    )


def _repeated(paths: Iterable[str], key: Callable[[str], str]) -> list[str]:
    """Give the paths whose key an earlier one has too."""
    seen: set[str] = set()
    found = []
    for path in sorted(paths):
        folded = key(path)
        if folded in seen:
            found.append(path)
        seen.add(folded)
    return found
