"""Formats for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wheelfix.check_reports._merging import count, next_step, tell, where
from wheelfix.codes import Severity
from wheelfix.reports import SCHEMA, target_to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.check_reports._merging import Checked, Told
    from wheelfix.checking import System

__all__ = ["check_to_json", "github_lines"]

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_TARGETS_SHOWN = 5


def check_to_json(checked: Sequence[Checked], systems: Sequence[System]) -> dict[str, Any]:
    """Give the report of a check.

    :param systems: every target that a wheel was checked for.
    """
    errors, warnings = count(checked)
    return {
        "schema": SCHEMA,
        "targets": [_system_to_json(system) for system in systems],
        "checked": [{"path": each.path, **each.wheel.to_json()} for each in checked],
        "errors": errors,
        "warnings": warnings,
    }


def _system_to_json(system: System) -> dict[str, Any]:
    target = system.target
    return {
        "name": system.name,
        **target_to_json(target),
        "executable": system.executable or target.executable,
        "machine": target.machine,
        "libc": target.libc,
        "libc_version": target.libc_version,
        "root": system.root,
    }


def github_lines(checked: Sequence[Checked]) -> Iterator[str]:
    """Give workflow commands that GitHub Actions turns into annotations.

    Errors come first: of each kind it shows ten for a step. Source: docs.github.com, "Workflow commands for GitHub
    Actions"; the escapes are those of actions/toolkit, ``packages/core/src/command.ts``.
    """
    for told in tell(checked):
        code = told.finding.code
        severity = Severity.NOTE if told.finding.allowed else code.severity
        properties = {"title": code.id}
        if told.checked.path is not None:
            properties = {"file": told.checked.path, **properties}
        listing = ",".join(f"{name}={_property(text)}" for name, text in properties.items())
        yield f"::{_COMMANDS[severity]} {listing}::{_data(_message(told))}"


def _message(told: Told) -> str:
    finding = told.finding
    lines = [f"{finding.subject}: {finding.sentence}"]
    if told.checked.path is None:
        lines[0] = f"{told.checked.name}: {lines[0]}"
    place = where(told, _TARGETS_SHOWN)
    lines += [place] if place else []
    lines.append(next_step(finding.code))
    return "\n".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
