"""Runs installer's own test suite against wheelfix: its command line tests and its core tests.

    python tests/installer_suite.py [PYTEST ARGUMENT...]

The suite is that of installer 1.1.0's sdist. The command line tests (test_main.py) call wheelfix's main in place of
installer's, the core tests (test_core.py) wrap every source in a RepairedSource. All of them apply, so none is left
out. The suite's other modules test parts that wheelfix has no stand-in for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from support.wheels import KnownWheel, fetch

__all__ = ["main", "run_suite"]

# An sdist is fetched, checked and kept as the wheels are. Python 3.9 is too old for this installer, but not for
# its tests.
SDIST = KnownWheel(
    file="installer-1.1.0.tar.gz",
    package="installer",
    version="1.1.0",
    pip_args=("--no-binary", "installer", "--ignore-requires-python", "installer==1.1.0"),
    sha256="5adc0c01ce62d809989e246987cd68944fe5df8af562d0358f65b2ab15cb5de7",
    size=481257,
    suffixes={},
    elf_libc={},
    verdicts=(),
    used_for=(),
)
MODULES = ("conftest.py", "test_main.py", "test_core.py")


def _unpack(folder: Path) -> None:
    with tarfile.open(fetch(SDIST)) as archive:
        for module in MODULES:
            member = archive.extractfile(f"installer-1.1.0/tests/{module}")
            assert member is not None
            (folder / module).write_bytes(member.read())
    # an empty one, so that pytest takes no configuration of the folders above
    (folder / "pytest.ini").touch()


def run_suite(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the suite with this interpreter; warnings are errors.

    :param arguments: further ones for pytest.
    """
    with tempfile.TemporaryDirectory() as folder:
        _unpack(Path(folder))
        command = [sys.executable, "-m", "pytest", "-p", "support.installer_replaced"]
        command += ["-p", "no:cacheprovider", "-W", "error", "-v", *arguments]
        path = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        return subprocess.run(
            command,
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))},
        )


def main() -> int:
    """Run the suite and show what pytest says; the exit status is pytest's."""
    run = run_suite(*sys.argv[1:])
    sys.stdout.write(run.stdout)
    sys.stderr.write(run.stderr)
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
