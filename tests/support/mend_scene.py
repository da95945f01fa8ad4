"""A scene in which a fix, or its undoing, is stopped: laid down again and again in the same state."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from support.elf_maker import extension_module
from support.environment_maker import MUSL, MendablePlace, install_misnamed
from support.trees import tree
from wheelfix.environments import fix_environment
from wheelfix.removing import recover_environment

if TYPE_CHECKING:
    from pathlib import Path

    from wheelfix.codes import Finding

__all__ = ["MEND_ACTIONS", "MendScene", "Tree"]

Tree = dict[str, tuple[str, int, bytes]]

MEND_ACTIONS = ("fix", "undo")


class MendScene:
    """An environment with a module to rename, a file that gets a second name, and a folder that is a link to a cache.

    :param folder: empty; for everything.
    :param what: "fix" or "undo".
    :ivar old: what is there before.
    :ivar new: what is there afterwards.
    """

    def __init__(self, folder: Path, what: str) -> None:
        (folder / "place").mkdir()
        self.place = MendablePlace(folder / "place")
        files: dict[str, bytes | str] = {
            "pkg/__init__.py": "",
            f"pkg/fast{MUSL}": extension_module("fast"),
            f"one{MUSL}": extension_module("one"),
            f"lib{MUSL}": extension_module("x"),
        }
        install_misnamed(self.place.site, files)
        self.place.link_to_cache("folder")
        # as uv links into its cache
        os.link(self.place.site / f"one{MUSL}", self.place.cache / "one.so")
        self._undo = what == "undo"
        if self._undo:
            fix_environment(self.place.target)
        self._template = folder / "template"
        shutil.copytree(self.place.site, self._template, symlinks=True)
        self.old = self.state()
        self.cache = tree(self.place.cache)
        self.act()
        self.new = self.state()
        assert self.new != self.old

    def build(self) -> None:
        """Lay down the old state, afresh."""
        shutil.rmtree(self.place.site)
        shutil.copytree(self._template, self.place.site, symlinks=True)

    def act(self) -> None:
        """Do it."""
        fix_environment(self.place.target, undo=self._undo)

    def recover(self) -> tuple[Finding, ...]:
        """Do what ``wheelfix recover`` does."""
        return recover_environment([self.place.target])

    def state(self) -> Tree:
        """Read the site folder, staging folders too."""
        return tree(self.place.site)
