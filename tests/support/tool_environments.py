"""Tools of one version, each in an environment of its own that is made once and kept."""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import subprocess
from pathlib import Path

from support.cache import cache_folder
from support.interpreters import glibc_interpreters
from support.wheels import DownloadError

__all__ = ["own_wheel", "tool_environment"]


HATCHLING = "hatchling==1.27.0"


@functools.cache
def tool_environment(requirement: str) -> Path:
    """Give the folder of an environment that has a tool, made by the newest CPython that is here.

    :param requirement: as in "tox==4.67.13".
    :raises DownloadError: pip can't install it.
    """
    found = glibc_interpreters()
    version = max(found, key=lambda each: int(each.partition(".")[2]))
    name = f"{requirement.replace('==', '-')}-python{version}"
    folder = cache_folder() / "tool_environments" / name
    complete = folder / "complete"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _check(str(found[version].executable), "-m", "venv", str(folder))
            pip = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
            _check(*pip, "install", "--quiet", "--retries", "5", requirement)
            complete.touch()
    return folder


def own_wheel(folder: Path) -> Path:
    """Give wheelfix's own wheel: tox's, where tox runs this, else one that a kept Hatchling builds.

    :param folder: where it goes.
    :raises DownloadError: it can't be built.
    """
    package = os.environ.get("TOX_PACKAGE")
    if package:
        return Path(shutil.copy(package, folder))
    checkout = Path(__file__).parent.parent.parent
    # not pip's own environment for it: that one downloads Hatchling each time
    python = tool_environment(HATCHLING) / "bin/python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "wheel", "--no-build-isolation"]
    _check(*pip, "--quiet", "--no-deps", "--wheel-dir", str(folder), str(checkout))
    (wheel,) = folder.glob("wheelfix-*.whl")
    return wheel


def _check(*command: str) -> None:
    variables = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    run = subprocess.run(command, check=False, capture_output=True, text=True, env=variables)
    if run.returncode != 0:
        raise DownloadError(f"{' '.join(command)}:\n{run.stderr[-2000:]}")
