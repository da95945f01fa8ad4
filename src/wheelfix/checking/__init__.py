"""The hand that only tells: will each module of a wheel import on a target, and if not, why."""

from __future__ import annotations

from wheelfix.checking._checking import check_wheel
from wheelfix.checking._contents import Contents, contents_of_archive
from wheelfix.checking._distributions import (
    check_distribution,
    check_installed,
    installed_contents,
)
from wheelfix.checking._failures import load_failures
from wheelfix.checking._many import check_wheels
from wheelfix.checking._model import CheckedModule, CheckedTarget, CheckedWheel, System, Verdict
from wheelfix.checking._profiles import profile_system

__all__ = [
    "CheckedModule",
    "CheckedTarget",
    "CheckedWheel",
    "Contents",
    "System",
    "Verdict",
    "check_distribution",
    "check_installed",
    "check_wheel",
    "check_wheels",
    "contents_of_archive",
    "installed_contents",
    "load_failures",
    "profile_system",
]
