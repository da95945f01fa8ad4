"""What becomes of a wheel on one target, in a cell of a table and in words."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.checking import Verdict
from wheelfix.codes import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.check_reports._merging import Checked
    from wheelfix.checking import CheckedTarget

__all__ = ["Kind", "Row", "counted", "rows_of", "worst_of"]


class Kind(Enum):
    """A verdict as a reader sees it, the best first; the value is what a cell of a table says."""

    OK = "ok"
    RENAMED = "renamed"
    WARNS = "warns"
    FAILS = "fails"
    #: it isn't meant for the target, so that nothing more was foretold
    NO_FIT = "-"


_KINDS = {
    Verdict.IMPORTS: Kind.OK,
    Verdict.RENAMED: Kind.RENAMED,
    Verdict.WARNED: Kind.WARNS,
    Verdict.FAILS: Kind.FAILS,
}
_WEIGHTS = {Kind.FAILS: Severity.ERROR, Kind.WARNS: Severity.WARNING}


class Row(NamedTuple):
    """A wheel's verdict on one target, with what holds on every target counted in.

    :param codes: that make the verdict, sorted.
    """

    target: CheckedTarget
    kind: Kind
    codes: tuple[str, ...]

    @property
    def cell(self) -> str:
        """Say it in a word."""
        reason = "" if self.kind is Kind.NO_FIT else ",".join(self.codes)
        return f"{self.kind.value} {reason}".rstrip()

    @property
    def words(self) -> str:
        """Say it in a few words."""
        modules = self.target.modules
        if self.kind is Kind.NO_FIT:
            return "its tags don't fit"
        if self.kind is Kind.FAILS:
            bad = sum(any(finding.refuses for finding in module.findings) for module in modules)
            return f"fails, {bad} of {counted(len(modules), 'module')}" if bad else "fails"
        lost = sum(not module.is_found and module.instead is None for module in modules)
        if lost:
            return f"{lost} of {counted(len(modules), 'module')} not found"
        if self.kind is Kind.WARNS:
            return f"warnings ({', '.join(self.codes)})"
        if self.kind is Kind.RENAMED:
            renamed = sum(module.new_path is not None for module in modules)
            return f"imports, {renamed} of {counted(len(modules), 'module')} renamed"
        return f"imports, {counted(len(modules), 'module') if modules else 'no modules'}"


def counted(number: int, noun: str) -> str:
    """Give the number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def rows_of(checked: Checked) -> list[Row]:
    """Give a row for each target."""
    return [_row(checked, target) for target in checked.wheel.targets]


def _row(checked: Checked, target: CheckedTarget) -> Row:
    whole = target._replace(findings=checked.wheel.findings + target.findings)
    kind = _KINDS[whole.verdict]
    weight = _WEIGHTS.get(kind)
    heavy = [
        each.code
        for each in whole.all_findings
        if each.code.severity is weight and not each.allowed
    ]
    if codes.TAGS_DO_NOT_FIT in heavy:
        kind = Kind.NO_FIT
    return Row(whole, kind, tuple(sorted({code.id for code in heavy})))


def worst_of(rows: Sequence[Row]) -> Kind:
    """Give the worst verdict among the targets that the wheel is meant for, if there are any."""
    order = [*Kind]
    fitting = [row.kind for row in rows if row.kind is not Kind.NO_FIT]
    return max(fitting, key=order.index, default=Kind.NO_FIT)
