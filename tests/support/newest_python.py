"""The newest CPython: Debian's own packages of it, unpacked to a root with all that it loads."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.cache import cache_folder
from support.debian_packages import packages, run_tool

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["VERSION", "NewestPython", "newest_python"]

VERSION = "3.15"
_SUITE = "forky"
_PACKAGES = (
    *(f"python{VERSION}-minimal", f"libpython{VERSION}-minimal", f"libpython{VERSION}-stdlib"),
    *("libbz2-1.0", "libc6", "libexpat1", "libffi8", "libgcc-s1", "liblzma5", "libssl3t64"),
    *("libzstd1", "zlib1g"),
)


@dataclass(frozen=True)
class NewestPython:
    """An interpreter that has nothing installed.

    :param folder: the root that it runs in; tests may write to it.
    """

    folder: Path

    def process(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it in its root, without a network."""
        own = [] if os.geteuid() == 0 else ["--map-root-user"]
        command = [
            "unshare",
            *own,
            "--net",
            "chroot",
            str(self.folder),
            f"/usr/bin/python{VERSION}",
        ]
        return subprocess.run(
            [*command, *arguments],
            check=False,
            capture_output=True,
            text=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
            timeout=300,
        )


def newest_python(folder: Path) -> NewestPython:
    """Make a root of its own.

    :param folder: which is not there yet.
    :raises CannotBuildError: this isn't Debian, or its packages can't be had.
    """
    kept = cache_folder() / "newest_python"
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        archives = packages(kept, _SUITE, *_PACKAGES)
    for archive in archives:
        run_tool("dpkg-deb", "-x", str(archive), str(folder))
    # (character set converters: 12 MB that nothing here needs)
    shutil.rmtree(folder / "usr/lib/x86_64-linux-gnu/gconv", ignore_errors=True)
    for name in ("bin", "lib", "lib64"):
        if not (folder / name).exists():
            (folder / name).symlink_to(f"usr/{name}")
    # (a file is enough to open it)
    (folder / "dev").mkdir()
    (folder / "dev/null").touch()
    return NewestPython(folder)
