"""A prefix in which a distribution is installed, upgraded and removed again and again."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.trees import tree
from support.wheel_maker import make_wheel
from wheelfix.cli import main
from wheelfix.targets.running import running_target
from wheelfix.transactions import STAGING_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Ended", "Prefix", "Tree", "Wheels", "command", "make_wheels"]

Tree = dict[str, tuple[str, int, bytes]]

_FIRST = {
    "thing/__init__.py": "VERSION = 1\n",
    "thing/kept.py": "kept\n",
    "thing/gone.py": "gone\n",
    "thing/old/deep/gone.py": "gone too\n",
    "thing-1.0.data/scripts/tool": "#!python\nVERSION = 1\n",
    "thing-1.0.data/scripts/old-tool": "#!python\n",
    "thing-1.0.data/data/share/thing/text": "one\n",
    "thing-1.0.data/data/share/thing/old/text": "gone\n",
    "thing-1.0.data/headers/thing.h": "one\n",
}
_SECOND = {
    "thing/__init__.py": "VERSION = 2\n",
    "thing/kept.py": "kept\n",
    "thing/new/deep/module.py": "new\n",
    "thing.libs/library.so": "a library\n",
    "thing-2.0.data/scripts/tool": "#!python\nVERSION = 2\n",
    "thing-2.0.data/data/share/thing/text": "two\n",
    "thing-2.0.data/data/share/thing/new/text": "new\n",
    "thing-2.0.data/headers/thing.h": "two\n",
}
# in the same folders
_NEIGHBOUR = {
    "thing/plugin.py": "neighbour\n",
    "neighbour.py": "neighbour\n",
    "neighbour-1.0.data/scripts/neighbour": "#!python\n",
    "neighbour-1.0.data/data/share/thing/plugin": "neighbour\n",
}


@dataclass(frozen=True)
class Wheels:
    """What is installed.

    :param first: a version.
    :param second: the next one, in which files, folders and scripts went, came and changed into each other.
    :param neighbour: another distribution with files in the same folders.
    """

    first: Path
    second: Path
    neighbour: Path


def make_wheels(folder: Path, more: Mapping[str, str] | None = None) -> Wheels:
    """Make the wheels.

    :param more: further files of the second version.
    """
    points = "[console_scripts]\nthing-run = thing:main\n"
    return Wheels(
        make_wheel(folder, _FIRST, name="thing", version="1.0", entry_points=points),
        make_wheel(
            folder, {**_SECOND, **(more or {})}, name="thing", version="2.0", entry_points=points
        ),
        make_wheel(folder, _NEIGHBOUR, name="neighbour"),
    )


@dataclass(frozen=True)
class Ended:
    """What a command came to.

    :param status: exit status.
    :param errors: what it said on stderr.
    """

    status: int
    errors: str

    def codes(self) -> list[str]:
        """The codes that the sentences begin with."""
        return [word.strip("[]:") for word in self.errors.split() if word.strip("[]:")[:2] == "WF"]


def command(*arguments: str | Path) -> Ended:
    """Run the command line tool in this process."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = main([str(each) for each in arguments])
    return Ended(status, errors.getvalue())


class Prefix:
    """A prefix to install to.

    :ivar site: its site-packages.
    """

    def __init__(self, folder: Path, wheels: Wheels) -> None:
        self.folder = folder
        self.wheels = wheels
        self.site = Path(running_target(None, str(folder)).paths["purelib"])
        self.scripts = folder / "bin"
        self.data = folder / "share"

    @property
    def where(self) -> tuple[str, ...]:
        """Options that name it."""
        return "--prefix", str(self.folder)

    def install(self, *wheels: Path, options: tuple[str, ...] = ()) -> Ended:
        """Install wheels, by default the first version."""
        options = (*self.where, "--no-compile-bytecode", *options)
        return command("install", *options, *(wheels or [self.wheels.first]))

    def upgrade(self, *options: str) -> Ended:
        """Install the second version in the place of the first."""
        return self.install(self.wheels.second, options=("--upgrade", *options))

    def uninstall(self) -> Ended:
        """Remove the distribution."""
        return command("uninstall", *self.where, "thing")

    def recover(self) -> Ended:
        """Recover what was stopped."""
        return command("recover", *self.where)

    def populate(self) -> None:
        """Install the neighbour and the first version."""
        done = self.install(self.wheels.neighbour, self.wheels.first)
        assert done == Ended(0, "")

    def rehearse(self) -> tuple[Tree, Tree]:
        """Do everything once, so that a process that is forked off imports nothing any more.

        :return: the trees with the first version and with the second one, which is there afterwards.
        """
        self.populate()
        assert (self.uninstall(), self.recover()) == (Ended(0, ""), Ended(0, ""))
        assert self.install() == Ended(0, "")
        old = self.tree()
        assert self.upgrade() == Ended(0, "")
        new = self.tree()
        assert self.is_tidy()
        return old, new

    def tree(self) -> Tree:
        """Read all that is there, staging folders too."""
        return tree(self.folder)

    def is_tidy(self) -> bool:
        """Tell whether no staging folder is there."""
        return not any(path.split("/")[-1] == STAGING_NAME for path in self.tree())
