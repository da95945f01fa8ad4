"""What is installed in an environment, and what of it may be removed."""

from __future__ import annotations

from wheelfix.installed._distributions import (
    InstalledDistribution,
    distribution_of_entry,
    find_installed,
    system_manager_of,
)
from wheelfix.installed._environment import Environment
from wheelfix.installed._records import final_paths, read_text
from wheelfix.installed._removal import Removal, plan_removals

__all__ = [
    "Environment",
    "InstalledDistribution",
    "Removal",
    "distribution_of_entry",
    "final_paths",
    "find_installed",
    "plan_removals",
    "read_text",
    "system_manager_of",
]
