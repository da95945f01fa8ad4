"""What both plugins need: the target, asked once, and what is to be told of a plan."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import TYPE_CHECKING

from wheelfix import RepairedSource, asked_target

if TYPE_CHECKING:
    from installer.sources import WheelSource

    from wheelfix import Plan, Target

__all__ = ["lines_about", "metadata_of", "repaired", "target_of"]

_lock = threading.Lock()
_targets: dict[str, Target] = {}


def target_of(python: str) -> Target:
    """Describe an environment's interpreter; it is run once, however many threads ask.

    :param python: path of the executable.
    :raises EnvironmentRefusedError: if it can't be asked.
    """
    with _lock:
        if python not in _targets:
            _targets[python] = asked_target(python)
        return _targets[python]


def repaired(source: WheelSource, python: str) -> RepairedSource:
    """Give a wheel out under the names that an interpreter imports.

    The tool has chosen the wheel by its tags, and holds its files against RECORD as it sees fit.

    :param python: path of the executable.
    :raises EnvironmentRefusedError: if the interpreter can't be asked.
    :raises InvalidWheelError: if the wheel is broken.
    :raises WheelRefusedError: if it can't work there.
    """
    return RepairedSource(source, [target_of(python)])


def metadata_of(plan: Plan) -> dict[str, bytes]:
    """Give the dist-info file that tells of changes, by its name; nothing where nothing was changed."""
    changes = plan.changes_to_json()
    return {"wheelfix.json": f"{json.dumps(changes, indent=2)}\n".encode()} if changes else {}


def lines_about(source: RepairedSource) -> list[str]:
    """Tell in a line each what was changed and what a user should know; of most wheels that is nothing."""
    counts = Counter(each.action.value for each in source.plan.changes if each.new_path is not None)
    what = ", ".join(
        f"{count} {'renamed' if action == 'rename' else 'duplicated'}"
        for action, count in sorted(counts.items())
    )
    name = f"{source.distribution} {source.version}"
    changed = [f"wheelfix: {name}: {what}"] if what else []
    return changed + [f"wheelfix: {name}: {finding}" for finding in source.plan.warnings]
