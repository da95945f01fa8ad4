"""Folders of a site that are symbolic links to an installer's cache: made real before a name in them changes.

In the place of the link comes a folder of links, one for each file. So the cache stays as it is, and from where the
links lead it can be told again where the folder's own link led.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from wheelfix.planning import Action
from wheelfix.transactions import Rank

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wheelfix.environments._model import Change
    from wheelfix.environments._place import Place
    from wheelfix.transactions import Transaction

__all__ = ["contents_of", "first_link", "link_of", "replace_link"]

_BYTECODE_FOLDER = "__pycache__"


def first_link(site: str, path: str) -> str | None:
    """Give the first folder on the way to a file that is a symbolic link, relative to the site folder."""
    names = path.split("/")[:-1]
    for count in range(1, len(names) + 1):
        folder = "/".join(names[:count])
        if os.path.islink(os.path.join(site, folder)):
            return folder
    return None


def replace_link(
    place: Place, transaction: Transaction, site: str, folder: str, changes: Sequence[Change]
) -> None:
    """Stage a real folder in the place of a link.

    :param folder: the link, relative to the site folder.
    :param changes: of files below it.
    :raises OSError: it can't be read or written.
    """
    final = os.path.join(site, folder)
    link = os.readlink(final)
    names = {change.path: _names_of(change) for change in changes}
    transaction.remove(final)
    transaction.stage_folder(final, Rank.PACKAGES)
    waiting = [folder]
    while waiting:
        each = waiting.pop()
        source = place.inside.host_path(place.seen(os.path.join(site, each)))
        staged = transaction.stage_folder(os.path.join(site, each), Rank.PACKAGES)
        os.chmod(staged, stat.S_IMODE(os.stat(source).st_mode))
        for name in sorted(os.listdir(source)):
            path = f"{each}/{name}"
            if name == _BYTECODE_FOLDER:
                continue
            if _is_entered(os.path.join(source, name), path, names):
                waiting.append(path)
                continue
            for new_path in names.get(path, (path,)):
                text = _text(link, path[len(folder) + 1 :])
                os.symlink(text, os.path.join(staged, os.path.basename(new_path)))


def _names_of(change: Change) -> tuple[str, ...]:
    if change.action is Action.RENAME:
        return (change.new_path,)
    return change.path, change.new_path


def _is_entered(host: str, path: str, changed: Mapping[str, object]) -> bool:
    """Say whether it becomes a folder, too: what links to one does only if something changes below it."""
    mode = os.lstat(host).st_mode
    if stat.S_ISLNK(mode):
        return any(each.startswith(f"{path}/") for each in changed)
    return stat.S_ISDIR(mode)


def _text(link: str, path: str) -> str:
    """Give where a file's link leads, if its folder's led so.

    :param path: relative to the folder.
    """
    # a relative link starts in the folder around its own
    above = "" if link.startswith("/") else "../" * (path.count("/") + 1)
    return f"{above}{link}/{path}"


def link_of(folder: str, original: Mapping[str, str | None]) -> str | None:
    """Tell where the link led in whose place a folder is.

    :param folder: absolute.
    :param original: by path relative to the folder, what a changed file was called; None for one that was added.
    :return: None if what is in it doesn't tell that: somebody has added a file, or put one in the place of a link.
    """
    found: set[str | None] = set()
    for path, entry in _entries(folder):
        if _BYTECODE_FOLDER in path.split("/"):
            continue
        before = original.get(path, path)
        if before is not None:
            found.add(_led_to(entry, before))
    return found.pop() if len(found) == 1 else None


def _led_to(entry: str, path: str) -> str | None:
    if not os.path.islink(entry):
        return None
    text = os.readlink(entry)
    above = "" if text.startswith("/") else "../" * (path.count("/") + 1)
    if not text.startswith(above) or not text.endswith(f"/{path}"):
        return None
    return text[len(above) : -len(path) - 1]


def _entries(folder: str) -> Iterator[tuple[str, str]]:
    """List all files and links below a folder, each with its path relative to it.

    :raises OSError: one of its folders can't be listed.
    """
    for above, folders, files in os.walk(folder, onerror=_fail):
        links = [each for each in folders if os.path.islink(os.path.join(above, each))]
        for name in (*files, *links):
            entry = os.path.join(above, name)
            yield os.path.relpath(entry, folder), entry


def _fail(error: OSError) -> None:
    raise error


def contents_of(folder: str) -> tuple[list[str], list[str]]:
    """List everything below a folder, for it to go: the files, and the folders, the deepest first."""
    files = [entry for _, entry in _entries(folder)]
    folders = [above for above, _, _ in os.walk(folder, topdown=False, onerror=_fail)]
    return files, folders
