"""What was done, as text for a person or as JSON (schema version 1) for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wheelfix.planning import Action

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.codes import Code, Finding
    from wheelfix.installing import InstalledWheel
    from wheelfix.planning import Decision
    from wheelfix.targets import Target
    from wheelfix.verifying import VerifiedModule

__all__ = [
    "SCHEMA",
    "finding_lines",
    "refusal_to_json",
    "report_to_json",
    "summary_lines",
    "target_to_json",
]

#: version of the JSON report
SCHEMA = 1

_SHOWN_OF_ONE_CODE = 5

_VERBS = {
    Action.RENAME: "renamed",
    Action.DUPLICATE: "added under a second name",
    Action.LEAVE_OUT: "left out",
}


def summary_lines(wheel: InstalledWheel, *, dry_run: bool) -> Iterator[str]:
    """Say what was done with one wheel: a line for it, then one for each new name."""
    changes = wheel.plan.changes
    counts = [
        f"{sum(change.action is action for change in changes)} {verb}"
        for action, verb in _VERBS.items()
        if any(change.action is action for change in changes)
    ]
    done = "would be installed" if dry_run else "installed"
    if wheel.replaces:
        done += f" in the place of {', '.join(wheel.replaces)}"
    outcome = ", ".join(counts) if counts else "every name stays"
    yield f"{wheel.distribution} {wheel.version}: {done}, {outcome}"
    for change in changes:
        if change.new_path is not None:
            yield f"  {_new_name(change, change.new_path)}"


def _new_name(decision: Decision, new_path: str) -> str:
    new_name = new_path.rpartition("/")[2]
    sign = "->" if decision.action is Action.RENAME else "+"
    return f"{decision.path} {sign} {new_name}"


def finding_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Say each finding in a line; of many with one code the first few, and once what to do about them."""
    by_code: dict[Code, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    for code, alike in by_code.items():
        for finding in alike[:_SHOWN_OF_ONE_CODE]:
            yield f"{'allowed' if finding.allowed else code.severity.value}: {finding}"
        if len(alike) > _SHOWN_OF_ONE_CODE:
            yield f"  and {len(alike) - _SHOWN_OF_ONE_CODE} more with {code.id}"
        if any(finding.refuses for finding in alike):
            yield f"  {_advice(code)}"


def _advice(code: Code) -> str:
    steps = [code.next_step] if code.next_step else []
    if code.can_be_allowed:
        steps.append(f"To go on all the same: --allow {code.id}.")
    return " ".join([*steps, f"More: wheelfix explain {code.id}"])


def report_to_json(
    wheels: Sequence[InstalledWheel],
    targets: Sequence[Target],
    *,
    dry_run: bool,
    verified: Sequence[Sequence[VerifiedModule]] = (),
) -> dict[str, Any]:
    """Give the report of a call that was carried out, or would be.

    :param verified: for each wheel what its modules' imports came to; empty where none was tried.
    """
    rows = [wheel.to_json() for wheel in wheels]
    for row, modules in zip(rows, verified):
        row["verified"] = [module.to_json() for module in modules]
    return {
        "schema": SCHEMA,
        "outcome": "planned" if dry_run else "installed",
        "targets": [target_to_json(target) for target in targets],
        "wheels": rows,
        "refusals": [],
    }


def refusal_to_json(findings: Sequence[Finding], targets: Sequence[Target]) -> dict[str, Any]:
    """Give the report of a call that was refused."""
    return {
        "schema": SCHEMA,
        "outcome": "refused",
        "targets": [target_to_json(target) for target in targets],
        "wheels": [],
        "refusals": [finding.to_json() for finding in findings],
    }


def target_to_json(target: Target) -> dict[str, Any]:
    """Give the facts by which a report names a target."""
    return {
        "executable": target.executable,
        "implementation": target.implementation,
        "version": target.version,
        "soabi": target.soabi,
        "extension_suffixes": list(target.extension_suffixes),
    }
