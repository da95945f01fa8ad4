"""The rule table: members, evidence and targets in, a list of decisions out.

Nothing here touches a file system, a clock or the environment.
"""

from __future__ import annotations

from wheelfix.planning._collisions import collisions
from wheelfix.planning._deciding import left_out, members_in_doubt, names_in_question, plan
from wheelfix.planning._model import (
    IMPORT_SCHEMES,
    Action,
    Decision,
    Member,
    Plan,
    Policy,
    Repair,
    Wheel,
    module_name,
)
from wheelfix.planning._tags import is_stable_abi_wheel

__all__ = [
    "IMPORT_SCHEMES",
    "Action",
    "Decision",
    "Member",
    "Plan",
    "Policy",
    "Repair",
    "Wheel",
    "collisions",
    "is_stable_abi_wheel",
    "left_out",
    "members_in_doubt",
    "module_name",
    "names_in_question",
    "plan",
]
