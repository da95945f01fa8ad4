"""Scenes in which calls are killed: a populated environment, and what a call does to it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from support.elf_maker import extension_module
from support.installed_maker import SITE, make_environment, make_installed, make_place
from support.trees import tree
from support.wheel_maker import make_wheel
from wheelfix.installing import install_wheels
from wheelfix.layout import InstallOptions
from wheelfix.removing import recover_environment, uninstall

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wheelfix.codes import Finding

__all__ = ["ACTIONS", "Scene", "State"]

State = dict[str, tuple[str, int, bytes]]

_TAGS = "cp39-cp39-manylinux_2_17_x86_64"


def _make_example(folder: Path, version: str) -> Path:
    """Make version 1.0 or 2.0 of a wheel with a file in each scheme and a module whose name is to be repaired."""
    data = f"example-{version}.data"
    module = extension_module("fast", libc="glibc")
    files: dict[str, bytes | str] = {
        "pkg/__init__.py": "",
        "pkg/kept.py": "kept = True\n",
        "pkg/changed.py": f"version = {version!r}\n",
        "pkg/fast.cpython-39-x86_64-linux-musl.so": module,
        "example.libs/libspam.so.1": module,
        f"{data}/headers/spam.h": "int spam;\n",
        f"{data}/scripts/tool": f"#!python\nprint({version!r})\n",
        f"{data}/data/share/example/notes": f"of {version}\n",
    }
    if version == "1.0":
        files["pkg/gone.py"] = ""
        files["pkg/sub/deep/gone.py"] = ""
        files[f"{data}/scripts/gone"] = "#!/bin/sh\n"
    else:
        files["pkg/added.py"] = ""
        files["pkg/new/deep/added.py"] = ""
    return make_wheel(
        folder,
        files,
        version=version,
        tags=_TAGS,
        entry_points="[console_scripts]\nhello = pkg:main\n",
        executable=[f"{data}/scripts/tool"],
    )


def _make_tiny(folder: Path, version: str) -> Path:
    """Make version 1.0 or 2.0 of a wheel of few files, between which there is a change of every kind."""
    kept: dict[str, bytes | str] = {"pkg/changed.py": f"version = {version!r}\n"}
    old: dict[str, bytes | str] = {"pkg/sub/gone.py": ""}
    new: dict[str, bytes | str] = {"pkg/added.py": "", "pkg/new/added.py": ""}
    files = {**kept, **(old if version == "1.0" else new)}
    scripts = "[console_scripts]\ntiny = pkg:main\n"
    return make_wheel(folder, files, name="tiny", version=version, entry_points=scripts)


def _make_second(folder: Path) -> Path:
    """Make a wheel that shares a folder with another distribution."""
    return make_wheel(folder, {"second.py": "", "shared/second.py": ""}, name="second")


class Scene:
    """An environment that can be laid down again and again in the same state.

    :param folder: empty; for everything.
    :param scripts: empty; where the scripts go, if not into the environment.
    :param installed: what is there already: "1.0" of the example, or "tiny", version 1.0 of a wheel of few files.
    """

    def __init__(
        self, folder: Path, *, scripts: Path | None = None, installed: str | None = None
    ) -> None:
        self.root = folder / "environment"
        self._folders = [self.root]
        folder_of_scripts = self.root / "bin"
        make_environment(self.root)
        if scripts is not None:
            folder_of_scripts = scripts / "scripts"
            folder_of_scripts.mkdir()
            self._folders.append(folder_of_scripts)
        self.target = make_place(self.root, scripts=str(folder_of_scripts))
        self.site = site = self.root / SITE
        make_installed(site, {"other.py": "", "shared/other.py": ""}, name="other")
        (site / "user.pth").write_text("# of the user\n", "ascii")
        wheels = folder / "wheels"
        wheels.mkdir()
        self.old_wheel = _make_example(wheels, "1.0")
        self.wheel = _make_example(wheels, "2.0")
        self.second = _make_second(wheels)
        self.tiny = _make_tiny(wheels, "2.0")
        if installed == "tiny":
            self.install(_make_tiny(wheels, "1.0"))
        elif installed is not None:
            self.install(self.old_wheel)
            (site / "pkg" / "users.cfg").write_text("of the user\n", "ascii")
            (site / "pkg" / "changed.py").chmod(0o640)
            (site / "pkg" / "sub").chmod(0o2750)
        self._template = folder / "template"
        self.keep(self._template)

    def install(self, *wheels: Path, **options: Any) -> None:
        """Install wheels, without bytecode unless it is asked for."""
        changed = InstallOptions(**{"bytecode_levels": (), **options})
        install_wheels(wheels, [self.target], None, changed)

    def upgrade_tiny(self) -> None:
        """Upgrade the wheel of few files."""
        self.install(self.tiny, upgrade=True)

    def uninstall(self) -> None:
        """Remove the example, which is installed, and the other distribution."""
        done = uninstall(["example", "other"], [self.target])
        assert all(each.files for each in done)

    def build(self) -> None:
        """Lay down the old state, afresh."""
        self.lay_down(self._template)

    def keep(self, copy: Path) -> None:
        """Copy all that is there, staging folders and hard links too."""
        shutil.rmtree(copy, ignore_errors=True)
        for number, folder in enumerate(self._folders):
            _copy(folder, copy / str(number))

    def lay_down(self, copy: Path) -> None:
        """Put a copy in the place of all that is there."""
        for number, folder in enumerate(self._folders):
            shutil.rmtree(folder)
            _copy(copy / str(number), folder)

    def recover(self) -> tuple[Finding, ...]:
        """Do what ``wheelfix recover`` does."""
        return recover_environment([self.target])

    def state(self) -> State:
        """Read all that is there."""
        return {
            f"{number}/{path}": row
            for number, folder in enumerate(self._folders)
            for path, row in tree(folder).items()
        }

    def left_behind(self) -> list[str]:
        """Name the staging folders and what is in them."""
        return [
            os.path.relpath(path, self.root)
            for folder in self._folders
            for path in folder.rglob("*")
            if ".wheelfix" in path.parts
        ]


def _copy(folder: Path, copy: Path) -> None:
    names: dict[int, str] = {}

    def link_or_copy(source: str, target: str) -> None:
        inode = os.lstat(source).st_ino
        known = names.setdefault(inode, target)
        if known == target:
            shutil.copy2(source, target, follow_symlinks=False)
        else:
            os.link(known, target, follow_symlinks=False)

    shutil.copytree(folder, copy, symlinks=True, copy_function=link_or_copy)


#: what a call does, by name, and which version of the example is there before
ACTIONS: dict[str, tuple[str | None, Callable[[Scene], None]]] = {
    "install": (None, lambda scene: scene.install(scene.wheel)),
    "durable install": (None, lambda scene: scene.install(scene.wheel, durable=True)),
    "install of two": (None, lambda scene: scene.install(scene.wheel, scene.second)),
    "overwriting": ("1.0", lambda scene: scene.install(scene.old_wheel, overwrite_existing=True)),
    "upgrade": ("1.0", lambda scene: scene.install(scene.wheel, upgrade=True)),
    "uninstall": ("1.0", lambda scene: scene.uninstall()),
}
