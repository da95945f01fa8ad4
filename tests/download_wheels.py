"""Downloads the real wheels that the tests use, or with ``--all`` the whole list.

    python tests/download_wheels.py [--all | FILE...]

They are kept in the tests' cache folder; each path is printed.
"""

from __future__ import annotations

import argparse
import sys

from support.wheels import fetch_all, known_wheels


def main() -> int:
    """Download what the command line names; the exit status is 1 where something is missing."""
    parser = argparse.ArgumentParser(description="Download the real wheels that the tests use.")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--all", action="store_true", help="the whole list, about 1.2 GB")
    group.add_argument("files", nargs="*", default=[], metavar="FILE", help="only these wheels")
    arguments = parser.parse_args()
    wheels = [
        wheel
        for wheel in known_wheels().values()
        if (wheel.file in arguments.files if arguments.files else arguments.all or wheel.used_for)
    ]
    unknown = set(arguments.files) - {wheel.file for wheel in wheels}
    if unknown:
        parser.error(f"not in the list: {', '.join(sorted(unknown))}")
    failed = 0
    for result in fetch_all(wheels):
        if isinstance(result, Exception):
            sys.stderr.write(f"{result}\n")
            failed += 1
        else:
            sys.stdout.write(f"{result}\n")
    sys.stderr.write(f"{len(wheels) - failed} of {len(wheels)} wheels are there\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
