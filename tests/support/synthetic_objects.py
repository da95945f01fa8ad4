"""One small module for each rule of a loader, compiled for both libcs, kept in the tests' cache.

Most have no libc at all, so that nothing but the rule decides. Each case is a folder with ``m.so``.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from support.load_probe import Probe
from support.load_roots import locked, roots_folder
from support.synthetic_cases import CASES
from support.synthetic_maker import Maker

if TYPE_CHECKING:
    from support.load_roots import LoadRoot

__all__ = ["synthetic_probes"]


def _digest(libc: str) -> str:
    here = Path(__file__)
    sources = (here, here.with_name("synthetic_cases.py"), here.with_name("synthetic_maker.py"))
    text = b"".join(source.read_bytes() for source in sources) + libc.encode()
    text += subprocess.run(["gcc", "--version"], check=True, capture_output=True).stdout
    return hashlib.sha256(text).hexdigest()[:12]


def _objects(libc: str) -> Path:
    """Give the folder of all cases, after compiling them where that was not done yet."""
    folder = roots_folder() / "synthetic" / f"{libc}-{_digest(libc)}"
    with locked():
        if folder.is_dir():
            return folder
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as new:
            for case in CASES:
                place = Path(new, "objects", case.name)
                place.mkdir(parents=True)
                with tempfile.TemporaryDirectory() as scratch:
                    case.make(Maker(libc, place, Path(scratch)))
            for old in folder.parent.glob(f"{libc}-*"):
                shutil.rmtree(old)
            Path(new, "objects").rename(folder)
    return folder


def synthetic_probes(root: LoadRoot, interpreter: str) -> list[Probe]:
    """Put every case into a root, and give the probes for one of its interpreters.

    :raises CannotBuildError: no compiler for that libc here.
    """
    objects = _objects(root.libc)
    target = root.folder / "synthetic"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(objects, target, symlinks=True)
    return [
        Probe(case.name, "", "m.so", f"{place}/m.so", root.name, interpreter, place, "m")
        for case in CASES
        for place in [f"/synthetic/{case.name}"]
    ]
