"""``wheelfix target``: show what an interpreter loads and where it keeps its packages."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from wheelfix.cli._options import (
    add_profile_options,
    add_python_option,
    add_read_options,
    check_targets,
    chosen_targets,
)

if TYPE_CHECKING:
    from wheelfix.targets import Target

__all__ = ["add_parser", "run"]

_EPILOG = """\
examples:
  wheelfix target                            the interpreter that runs wheelfix
  wheelfix target --python .venv             a virtual environment
  wheelfix target --python python3.9 --format json
  wheelfix target --root /mnt/image          the interpreter of an unpacked image
  wheelfix target --target-info build-details.json
  wheelfix target --profile alpine-3.14 --arch aarch64
"""

_LABELS = {
    "platform_triplet": "platform triplet",
    "extension_suffixes": "extension suffixes",
    "loads_extension_modules": "loads extension modules",
    "libc_version": "libc version",
    "cache_tag": "cache tag",
    "free_threaded": "free-threaded",
    "abi_flags": "ABI flags",
    "base_prefix": "base prefix",
    "soabi": "SOABI",
}

# of some 1,500 tags a person reads the first few
_TAGS_SHOWN = 3


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "target",
        help="show what an interpreter loads and where it keeps its packages",
        description="Show what an interpreter loads and where it keeps its packages.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_python_option(parser, "interpreter to describe", "each of them")
    add_profile_options(parser, "interpreter to describe", "each of them")
    add_read_options(parser)
    parser.add_argument(
        "--format",
        choices=["text", "json"],
        default="text",
        help="how to print it (default: text); json gives an object, of several targets a list",
    )
    parser.set_defaults(run=run, usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Print the targets.

    :return: exit status 0.
    :raises EnvironmentRefusedError: if one of them can't be described.
    """
    check_targets(options)
    targets = chosen_targets(options)
    if options.format == "json":
        import json

        facts = [target.to_json() for target in targets]
        print(json.dumps(facts[0] if len(facts) == 1 else facts, indent=2))
    else:
        print("\n\n".join(_text(target) for target in targets))
    return 0


def _text(target: Target) -> str:
    facts = target.to_json()
    facts["architecture"] = target.architecture
    evidence = facts.pop("evidence")
    del facts["schema"]
    lines = []
    for name, value in facts.items():
        source = f"  ({evidence[name]})" if name in evidence else ""
        lines.append(f"{_LABELS.get(name, name)}:{_value(name, value)}{source}")
        if name == "paths":
            lines.extend(f"  {folder}: {path}" for folder, path in value.items())
    return "\n".join(lines)


def _value(name: str, value: Any) -> str:
    if name == "paths":
        return ""
    if name == "tags":
        more = len(value) - _TAGS_SHOWN
        return f" {', '.join(value[:_TAGS_SHOWN])} and {more} more"
    if isinstance(value, list):
        return f" {' '.join(value)}" if value else " none"
    if isinstance(value, bool):
        return " yes" if value else " no"
    return f" {'none' if value is None or value == '' else value}"
