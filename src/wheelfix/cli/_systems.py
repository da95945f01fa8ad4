"""The systems that options name: targets, each with the file system that its loader searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.checking import System, profile_system
from wheelfix.cli._options import print_findings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

__all__ = ["chosen_systems", "running_system"]


def chosen_systems(options: argparse.Namespace) -> list[System]:
    """Describe what the options name, each once and under the name that it was given by.

    :param options: with ``python``, ``root``, ``target_info``, ``profile``, ``arch``; those that have a file system
        come first.
    :return: none if nothing is named.
    :raises EnvironmentRefusedError: if one of them can't be described.
    """
    systems = [*_in_roots(options)] if options.root else [*_asked(options)]
    if options.target_info:
        from wheelfix.targets.target_info import examine_target_info

        for path in dict.fromkeys(options.target_info):
            read = examine_target_info(path)
            print_findings(read.findings)
            systems.append(System(read.target, label=path))
    profiles = dict.fromkeys(options.profile or ())
    return systems + [profile_system(name, options.arch) for name in profiles]


def running_system() -> System:
    """Describe the interpreter that runs this."""
    from wheelfix.targets.running import running_target

    return System(running_target(), root="/")


def _asked(options: argparse.Namespace) -> Iterator[System]:
    if options.python:
        from wheelfix.targets.asking import asked_target

        for python in dict.fromkeys(options.python):
            yield System(asked_target(python), root="/", label=python)


def _in_roots(options: argparse.Namespace) -> Iterator[System]:
    from wheelfix.targets.roots import examine_root

    for root in dict.fromkeys(options.root):
        for python in dict.fromkeys(options.python or [None]):
            read = examine_root(root, python)
            print_findings(read.findings)
            label = root if python is None else f"{root}:{python}"
            yield System(read.target, root=root, executable=read.executable, label=label)
