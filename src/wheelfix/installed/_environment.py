"""The folders that an environment's distributions lie in, and what in them is the interpreter's own."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

from installer.utils import canonicalize_name

from wheelfix.layout import folders_of, follow_links, under_destdir

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.layout import InstallOptions
    from wheelfix.targets import Target

__all__ = ["Environment", "status_of"]

#: interpreters, and what CPython, PyPy and venv put beside them: Makefile.pre.in (bininstall), Lib/venv/scripts
_OWN_SCRIPT = re.compile(
    r"(?:python|pypy|graalpy)w?[0-9.]*[a-z]{0,2}(?:-config|-intel64|-gdb\.py)?(?:\.exe)?"
    r"|lib(?:python|pypy).*|(?:de)?activate(?:[._].*)?",
    re.IGNORECASE,
)
#: tools of CPython's own, which no virtual environment has
_OWN_TOOL = re.compile(r"(?:idle|pydoc|2to3)[0-9.]*(?:-[0-9.]+)?", re.IGNORECASE)
_OWN_LIBRARY = re.compile(r"lib(?:python|pypy)[^/]*\.(?:so|a|dylib)[0-9.]*", re.IGNORECASE)

#: as sysconfig has them, and Debian
_SITE_NAMES = frozenset({"site-packages", "dist-packages"})


class Environment:
    """Where distributions are installed: all paths are those to work with, in destdir if there is one.

    :param targets: the interpreters that import them, at least one.
    :param options: where they go; only its places count.
    :ivar roots: the folders of the schemes, without duplicates; nothing outside of them is ever removed.
    :ivar sites: purelib and platlib, once if they are one folder.
    :ivar flat: whether all schemes are in one folder, as pip's ``--target`` has it.
    :raises EnvironmentRefusedError: WF508 if the targets don't agree.
    """

    def __init__(self, targets: Sequence[Target], options: InstallOptions) -> None:
        self._destdir = options.destdir
        self._options = options
        folders = folders_of(targets, options, "")
        final = {scheme: self.final(folder) for scheme, folder in folders.items()}
        self.roots = tuple(dict.fromkeys(final.values()))
        self.flat = final["purelib"] if options.flat_folder is not None else None
        sites = {
            os.path.realpath(final[scheme]): final[scheme] for scheme in ("purelib", "platlib")
        }
        self.sites = tuple(sites.values())
        self._resolved = {root: os.path.realpath(root) for root in self.roots}
        self._deepest_first = sorted(self.roots, key=len, reverse=True)
        self._scripts = final["scripts"]
        self._own_folders = (
            *self._folders(targets, ("stdlib", "platstdlib")),
            *self._libraries_beside_sites(),
        )
        self._header_folders = self._folders(targets, ("include", "platinclude"))
        self._is_virtual = all(target.prefix != target.base_prefix for target in targets)
        self._prefixes = {
            self.final(follow_links(target.prefix, options)) for target in targets if target.prefix
        }
        if self.flat is None:
            # with --prefix the environment is another one than the target's own
            self._prefixes.add(final["data"])
        self._executables = {
            identity
            for executable in self._executable_paths(targets)
            for identity in _identities(executable)
        }

    def _executable_paths(self, targets: Sequence[Target]) -> Iterator[str | None]:
        for target in targets:
            yield target.executable
        # one in a root isn't run, and known by what the scripts name
        if self._options.inside_root and self._options.interpreter is not None:
            yield self.final(follow_links(self._options.interpreter, self._options))

    def _folders(self, targets: Sequence[Target], names: Sequence[str]) -> tuple[str, ...]:
        """Give folders of the targets, under destdir and as they are."""
        found = [
            follow_links(target.paths[name], self._options)
            for target in targets
            for name in names
            if name in target.paths
        ]
        return tuple(dict.fromkeys(each for path in found for each in (self.final(path), path)))

    def _libraries_beside_sites(self) -> Iterator[str]:
        """Give the standard libraries that lie around site folders: with --prefix, another interpreter's."""
        for site in self.sites:
            above, name = os.path.split(site)
            if name in _SITE_NAMES and os.path.isfile(os.path.join(above, "os.py")):
                yield above

    def final(self, path: str) -> str:
        """Give the path to work with of one that the target sees."""
        return under_destdir(os.path.abspath(path), self._destdir)

    def root_of(self, path: str) -> str | None:
        """Give the deepest scheme folder that a path lies below."""
        return next((root for root in self._deepest_first if _is_below(path, root)), None)

    def key(self, path: str) -> str:
        """Give the same text for two paths that lead to one file through different scheme folders (lib, lib64)."""
        root = self.root_of(path)
        return path if root is None else self._resolved[root] + path[len(root) :]

    def ownership(self, path: str, status: os.stat_result, distribution: str) -> str | None:
        """Say why a file below a scheme folder is the interpreter's and not a distribution's.

        :param status: of the path itself, links not followed.
        :return: None if it isn't.
        """
        if (status.st_dev, status.st_ino) in self._executables:
            return "it is the interpreter"
        root = self.root_of(path) or path
        for folder in self._own_folders:
            if _is_below(path, folder) and not _is_below(root, folder):
                return "it lies in the standard library"
        for folder in self._header_folders:
            # wheels' headers go into a folder of the distribution's name
            own = path[len(folder) + 1 :].split(os.sep)
            if _is_below(path, folder) and (
                len(own) == 1 or canonicalize_name(own[0]) != canonicalize_name(distribution)
            ):
                return "it is among the interpreter's headers"
        above, name = os.path.split(path)
        if above == self._scripts and self._is_own_script(name):
            return "it has the name of a file of the interpreter"
        if above in self._prefixes and name.lower() == "pyvenv.cfg":
            return "it makes the folder a virtual environment"
        if any(
            above in (p, os.path.join(p, "lib"), os.path.join(p, "lib64")) for p in self._prefixes
        ):
            return "it is the interpreter's library" if _OWN_LIBRARY.fullmatch(name) else None
        return None

    def _is_own_script(self, name: str) -> bool:
        if _OWN_SCRIPT.fullmatch(name):
            return True
        return not self._is_virtual and _OWN_TOOL.fullmatch(name) is not None

    def folders_above(self, path: str) -> Iterator[str]:
        """Give the folders around a file that may go when they are empty, the deepest first."""
        root = self.root_of(path)
        folder = os.path.dirname(path)
        kept = (*self.roots, *self._own_folders, *self._header_folders)
        while root is not None and folder != root:
            if not any(each == folder or _is_below(each, folder) for each in kept):
                yield folder
            folder = os.path.dirname(folder)


def status_of(path: str) -> os.stat_result | None:
    """Look at a path, links not followed; None if nothing is there.

    :raises OSError: it can't be looked at.
    """
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_below(path: str, folder: str) -> bool:
    # the root folder ends in its own separator; os.path.join takes several times as long
    return path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def _identities(executable: str | None) -> Iterator[tuple[int, int]]:
    """Give device and inode of a file and of all links on the way to it."""
    seen = set()
    path = executable
    while path and path not in seen:
        seen.add(path)
        try:
            status = os.lstat(path)
        except OSError:
            return
        yield status.st_dev, status.st_ino
        if not stat.S_ISLNK(status.st_mode):
            return
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
