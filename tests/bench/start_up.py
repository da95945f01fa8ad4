"""Compares the time that ``python -m wheelfix install`` and ``python -m installer`` take for one small pure wheel.

    python tests/bench/start_up.py [--pairs N] [WHEEL]

The two run in turn, into the same folder. It prints the medians and the median of the pairs' ratios, once with both
tools' default flags and once without bytecode; the exit status is 1 where that ratio is above 1.3. wheelfix must be
installed from a wheel, with its bytecode.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 1.3
FLAGS = ((), ("--no-compile-bytecode",))


def _small_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    subprocess.run([*command, "--no-deps", "--dest", str(folder), "six==1.17.0"], check=True)
    return next(folder.glob("*.whl"))


def _without_bytecode(package: str) -> list[str]:
    """List the modules of a package that Python would have to compile each time."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return [
        str(module)
        for module in Path(spec.origin).parent.rglob("*.py")
        if not Path(importlib.util.cache_from_source(str(module))).is_file()
    ]


def _seconds(module: list[str], flags: tuple[str, ...], wheel: Path, folder: Path) -> float:
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", *module, *flags, "--destdir", str(folder), str(wheel)]
    environment = {key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


def _compare(flags: tuple[str, ...], wheel: Path, folder: Path, pairs: int) -> float:
    """Print what is found and give the median of the pairs' ratios."""
    times = []
    for number in range(pairs + 1):
        pair = (
            _seconds(["installer"], flags, wheel, folder),
            _seconds(["wheelfix", "install"], flags, wheel, folder),
        )
        # the first one fills the caches of the file system
        if number > 0:
            times.append(pair)
    ratio = statistics.median(ours / theirs for theirs, ours in times)
    theirs, ours = (1000 * statistics.median(column) for column in zip(*times))
    sys.stdout.write(
        f"{' '.join(flags) or 'default flags'}: installer {theirs:.0f} ms, wheelfix {ours:.0f} ms,"
        f" ratio {ratio:.2f} ({pairs} pairs)\n"
    )
    return ratio


def main() -> int:
    """Compare; the exit status is 1 where wheelfix takes too long, 2 where nothing can be said."""
    parser = argparse.ArgumentParser(description="Compare the start-up of wheelfix and installer.")
    parser.add_argument("--pairs", type=int, default=41, metavar="N", help="runs of each")
    parser.add_argument("wheel", type=Path, nargs="?", help="a pure wheel (default: six 1.17.0)")
    arguments = parser.parse_args()
    for package in ("wheelfix", "installer"):
        missing = _without_bytecode(package)
        if missing:
            parser.error(
                f"{missing[0]} has no bytecode, so its compilation would be measured as well:"
                f" install {package} from a wheel, without PYTHONDONTWRITEBYTECODE"
            )
    with tempfile.TemporaryDirectory() as folder:
        wheel = arguments.wheel or _small_wheel(Path(folder))
        ratios = [_compare(flags, wheel, Path(folder, "d"), arguments.pairs) for flags in FLAGS]
    return 1 if max(ratios) > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
