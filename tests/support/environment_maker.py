"""Makes environments in which an installer has left modules that the interpreter doesn't import."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from support.elf_maker import extension_module
from support.installed_maker import SITE, make_environment, make_installed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wheelfix.targets import Target

__all__ = [
    "GNU",
    "MODULE",
    "MUSL",
    "MendablePlace",
    "install_misnamed",
    "make_virtual_environment",
    "wheel_text",
]

#: what the interpreter that :func:`support.installed_maker.make_environment` makes looks for, and what it doesn't
GNU, MUSL = ".cpython-39-x86_64-linux-gnu.so", ".cpython-39-x86_64-linux-musl.so"
MODULE = extension_module("fast")


def wheel_text(tag: str = "cp39-cp39-manylinux_2_17_x86_64") -> str:
    """Give the WHEEL file of a distribution."""
    return f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: {tag}\n"


def install_misnamed(
    site: Path,
    files: Mapping[str, bytes | str] | None = None,
    *,
    name: str = "example",
    tag: str = "cp39-cp39-manylinux_2_17_x86_64",
    rows: Mapping[str, tuple[str, str] | None] | None = None,
    installer: str | None = "pip",
) -> Path:
    """Install a distribution with a module under a name that isn't looked for.

    :param files: in the place of the usual ones.
    :param rows: hash and size that RECORD shall give instead of the right ones, None for no row.
    :return: its dist-info folder.
    """
    usual: Mapping[str, bytes | str] = {
        "pkg/__init__.py": "",
        f"pkg/fast{MUSL}": MODULE,
        "pkg/data.txt": "data\n",
    }
    info = f"{name}-1.0.dist-info"
    contents = {**(usual if files is None else files), f"{info}/WHEEL": wheel_text(tag)}
    return make_installed(site, contents, name=name, rows=rows, installer=installer)


class MendablePlace:
    """An environment and, where asked for, an installer's cache that it shares files with.

    :param folder: empty; for everything.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "environment"
        self.target: Target = make_environment(self.root)
        self.site = self.root / SITE
        self.cache = folder / "cache"

    def link_to_cache(self, how: str) -> None:
        """Let all files of pkg be shared with the cache: by "hardlink", "symlink", "folder" or "relative folder"."""
        package = self.site / "pkg"
        shutil.copytree(package, self.cache / "pkg")
        if "folder" in how:
            shutil.rmtree(package)
            (self.cache / "pkg" / "__pycache__").mkdir()
            (self.cache / "pkg" / "__pycache__" / "__init__.cpython-39.pyc").touch()
            to = self.cache / "pkg"
            package.symlink_to(os.path.relpath(to, self.site) if "relative" in how else to)
            return
        for path in sorted(package.rglob("*")):
            if path.is_file():
                path.unlink()
                cached = self.cache / path.relative_to(self.site)
                if how == "hardlink":
                    os.link(cached, path)
                else:
                    path.symlink_to(cached)


def make_virtual_environment(folder: Path) -> Path:
    """Make a virtual environment of the running interpreter, as venv does, without pip.

    :return: its site folder.
    """
    site = folder / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to(sys.executable)
    (folder / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).parent}\n", "utf-8")
    return site
