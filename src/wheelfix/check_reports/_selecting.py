"""Which codes a reader wants to hear of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wheelfix.checking import CheckedTarget, CheckedWheel
    from wheelfix.codes import Code, Finding

__all__ = ["Selection"]


class Selection(NamedTuple):
    """Codes by their beginnings: "WF3" means every WF3xx.

    The longest beginning that fits a code decides, and of two that are equal the ignored one: the rule of ruff
    (``crates/ruff_workspace/src/configuration.rs``, as_rule_table).

    :param select: codes to tell of; empty for all.
    :param ignore: codes to leave out.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def takes(self, code: Code) -> bool:
        """Say whether findings of this code are told."""
        return _longest(self.select or ("",), code) > _longest(self.ignore, code)

    def of(self, wheel: CheckedWheel) -> CheckedWheel:
        """Give the wheel with those findings only; its verdicts follow from them.

        Where its tags don't fit, nothing but that is foretold; so without that finding, such a target is left out.
        """
        targets = wheel.targets
        if not self.takes(codes.TAGS_DO_NOT_FIT):
            targets = tuple(target for target in targets if _tags_fit(target))
        return wheel._replace(
            findings=self._of_findings(wheel.findings),
            targets=tuple(self._of_target(target) for target in targets),
        )

    def _of_target(self, target: CheckedTarget) -> CheckedTarget:
        modules = (
            module._replace(findings=self._of_findings(module.findings))
            for module in target.modules
        )
        return target._replace(findings=self._of_findings(target.findings), modules=tuple(modules))

    def _of_findings(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(finding for finding in findings if self.takes(finding.code))


def _tags_fit(target: CheckedTarget) -> bool:
    return not any(
        finding.code == codes.TAGS_DO_NOT_FIT and finding.refuses for finding in target.findings
    )


def _longest(beginnings: Iterable[str], code: Code) -> int:
    return max((len(each) for each in beginnings if code.id.startswith(each)), default=-1)
