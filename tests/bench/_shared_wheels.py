"""The real wheels that the benchmarks install."""

from __future__ import annotations

import functools
import json
import platform
from pathlib import Path
from typing import Any

from bench._shared import CannotMeasureError
from support.wheels import KnownWheel

__all__ = ["bench_wheels", "check_interpreter", "workloads"]

LIST = Path(__file__).parent.parent / "data" / "bench_wheels.json"


@functools.cache
def _read_list() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(LIST.read_text("utf-8"))
    return data


def bench_wheels() -> dict[str, KnownWheel]:
    """Give the wheels by package."""
    data = _read_list()
    rest: dict[str, Any] = {"suffixes": {}, "elf_libc": {}, "verdicts": [], "used_for": []}
    wheels = {}
    for entry in data["wheels"]:
        arguments = [f"{entry['package']}=={entry['version']}", *data["pip_args"]]
        wheels[entry["package"]] = KnownWheel.from_json({**entry, **rest, "pip_args": arguments})
    return wheels


def workloads() -> dict[str, list[str]]:
    """Give the packages that one call installs, by the workload's name."""
    named: dict[str, list[str]] = _read_list()["workloads"]
    return named


def check_interpreter() -> None:
    """Refuse to go on where the wheels don't fit the Python that runs this.

    :raises CannotMeasureError: another version, machine or libc.
    """
    found = (*platform.python_version_tuple()[:2], platform.machine(), platform.libc_ver()[0])
    if found != ("3", "11", "x86_64", "glibc"):
        raise CannotMeasureError("the wheels are for CPython 3.11 on x86-64 Linux with glibc")
