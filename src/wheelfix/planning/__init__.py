"""The rule table: members, evidence and targets in, a list of decisions out.

Nothing here touches a file system, a clock or the environment.
"""

from wheelfix.planning._deciding import plan
from wheelfix.planning._model import (
    Action,
    Decision,
    Member,
    Plan,
    Policy,
    Repair,
    Wheel,
    module_name,
)

__all__ = [
    "Action",
    "Decision",
    "Member",
    "Plan",
    "Policy",
    "Repair",
    "Wheel",
    "module_name",
    "plan",
]
