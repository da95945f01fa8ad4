"""The tools that the benchmarks compare: virtual environments of their own, and how each is called."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench._shared import CannotMeasureError
from support.cache import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "FAST",
    "FLOOR",
    "TOOL_NAMES",
    "Tool",
    "empty_environment",
    "environment_with_pip",
    "make_auditwheel",
    "make_tools",
    "make_wheelfix",
    "wheelfix_environment",
    "wheelfix_wheel",
]

FLOOR, FAST = "tar", "wheelfix[fast]"
CHECKOUT = Path(__file__).parent.parent.parent
#: what each tool is measured at; the newest where an index lacks it
PINS = {"installer": "1.1.0", "pip": "26.3", "uv": "0.13.8"}
#: the same, of what `wheelfix check` is measured at
AUDITWHEEL = "6.8.2"
TOOL_NAMES = frozenset((FLOOR, FAST, "wheelfix", *PINS))
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")


@dataclass(frozen=True)
class Tool:
    """One installer in a virtual environment of its own.

    :param version: of the package.
    :param command: takes the wheels and the prefix, gives the command that installs them there.
    """

    name: str
    version: str
    command: Callable[[Sequence[str], str], list[str]]


def _pip(*arguments: str, python: str = "") -> str:
    command = [sys.executable, *_PIP, *(["--python", python] if python else []), *arguments]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    if run.returncode:
        raise CannotMeasureError(f"{' '.join(command)}\n{run.stderr[-2000:]}")
    return run.stdout


def _environment(folder: Path, *requirements: str) -> Path:
    """Make a virtual environment of this Python, with the packages and their bytecode."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    _pip("install", "--quiet", "--compile", *requirements, python=str(folder))
    return folder / "bin"


def _version(binaries: Path, package: str) -> str:
    lines = _pip("show", package, python=str(binaries.parent)).splitlines()
    return next(line.partition(": ")[2] for line in lines if line.startswith("Version: "))


def _cached_environment(package: str, pin: str) -> Path:
    """Give a neighbour's environment from the tests' cache folder."""
    wanted = f"{package}=={pin}"
    key = hashlib.sha256(f"{wanted} {sys.version} {sys.base_prefix}".encode()).hexdigest()[:12]
    folder = cache_folder() / "bench" / f"{package}-{key}"
    done = folder / "complete"
    if not done.is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            _environment(folder, wanted)
        except CannotMeasureError:
            _environment(folder, package)
        done.touch()
    return folder / "bin"


def wheelfix_wheel(folder: Path) -> Path:
    """Build wheelfix's wheel from this checkout."""
    _pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(CHECKOUT))
    (wheel,) = folder.glob("wheelfix-*.whl")
    return wheel


def _module_tool(name: str, version: str, binaries: Path, *words: str) -> Tool:
    start = [str(binaries / "python"), "-m", *words, "--prefix"]
    return Tool(name, version, lambda wheels, prefix: [*start, prefix, *wheels])


def wheelfix_environment(folder: Path, wheel: Path, *, fast: bool) -> Path:
    """Install wheelfix into a folder; give that of its commands.

    :param fast: with the extra of that name.
    """
    requirements = [f"{wheel}[fast]", "isal"] if fast else [str(wheel)]
    return _environment(folder, *requirements)


def empty_environment(folder: Path) -> Path:
    """Make a virtual environment of this Python with nothing in it; give the folder of its commands."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin"


def environment_with_pip(folder: Path, wheels: Sequence[str]) -> tuple[str, Path]:
    """Make one with pip and these wheels, which pip installs as it does by default.

    :return: version of the pip that is in it, and the folder of its commands.
    """
    try:
        binaries = _environment(folder, f"pip=={PINS['pip']}")
    except CannotMeasureError:
        binaries = _environment(folder, "pip")
    _pip("install", "--quiet", "--no-index", "--no-deps", *wheels, python=str(folder))
    return _version(binaries, "pip"), binaries


def make_auditwheel() -> tuple[str, Path]:
    """Give auditwheel's version and the path of its command."""
    binaries = _cached_environment("auditwheel", AUDITWHEEL)
    return _version(binaries, "auditwheel"), binaries / "auditwheel"


def make_wheelfix(
    folder: Path, wheel: Path, words: Sequence[str] = ("--no-compile-bytecode",), *, fast: bool
) -> Tool:
    """Install wheelfix into a folder.

    :param words: its flags.
    :param fast: with the extra of that name.
    """
    binaries = wheelfix_environment(folder, wheel, fast=fast)
    version = _version(binaries, "wheelfix")
    return _module_tool(
        FAST if fast else "wheelfix", version, binaries, "wheelfix", "install", *words
    )


def make_tools(folder: Path, wheel: Path, *, with_bytecode: bool) -> list[Tool]:
    """Make all tools, installer's first; only the wheelfix environments go into the folder.

    None of them resolves anything or reads an index. pip and uv take least time so: pip needs the same for --prefix,
    --root and --target, uv for --prefix and --target, and its default link mode is the fastest.
    """
    levels = ["--compile-bytecode=0", "--compile-bytecode=1"]
    words = levels if with_bytecode else ["--no-compile-bytecode"]
    binaries = {package: _cached_environment(package, pin) for package, pin in PINS.items()}
    versions = {package: _version(binaries[package], package) for package in PINS}
    pip = ["pip", *_PIP[2:], "install", "--quiet", "--no-index", "--no-deps", "--no-cache-dir"]
    pip += ["--ignore-installed", "--no-warn-script-location"]
    pip += ["--compile" if with_bytecode else "--no-compile"]
    uv = [str(binaries["uv"] / "uv"), "pip", "install", "--quiet", "--no-config", "--no-cache"]
    uv += ["--offline", "--no-index", "--no-deps", "--python", str(binaries["uv"] / "python")]
    uv += ["--compile-bytecode"] if with_bytecode else []
    return [
        _module_tool(
            "installer", versions["installer"], binaries["installer"], "installer", *words
        ),
        _module_tool("pip", versions["pip"], binaries["pip"], *pip),
        Tool("uv", versions["uv"], lambda wheels, prefix: [*uv, "--prefix", prefix, *wheels]),
        make_wheelfix(folder / "wheelfix", wheel, words, fast=False),
        make_wheelfix(folder / "wheelfix-fast", wheel, words, fast=True),
    ]
