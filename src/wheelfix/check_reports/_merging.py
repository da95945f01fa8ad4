"""Findings told once each, with the targets that they concern."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wheelfix.check_reports._names import listed
from wheelfix.codes import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wheelfix.checking import CheckedWheel
    from wheelfix.codes import Code, Finding

__all__ = ["SEEN", "Checked", "Counts", "Told", "count", "next_step", "tell", "where"]

#: what comes before the loader's own words, which name paths of one target (wheelfix.linkage)
SEEN = "; you would see: "


class Checked(NamedTuple):
    """A wheel that was checked, and where it lies.

    :param wheel: what was found, after the reader's selection.
    :param path: of the wheel file, as the caller gave it; None for an installed distribution.
    :param is_broken: the archive itself is why it has no targets, whether or not that is selected.
    """

    wheel: CheckedWheel
    path: str | None = None
    is_broken: bool = False

    @classmethod
    def of(cls, wheel: CheckedWheel, path: str | None = None) -> Checked:
        """Take a wheel as it was found, before the reader's selection."""
        is_broken = not wheel.targets and any(finding.refuses for finding in wheel.findings)
        return cls(wheel, path, is_broken)

    @property
    def name(self) -> str:
        """What a reader knows it by."""
        return self.wheel.wheel


class Told(NamedTuple):
    """One finding about one wheel.

    :param finding: where targets differ in the sentence, that of the first.
    :param checked: the wheel.
    :param targets: names of those that it concerns; empty where it holds on every target.
    :param alike: names of further targets with a finding of this code about the same subject, in another sentence.
    """

    finding: Finding
    checked: Checked
    targets: tuple[str, ...]
    alike: tuple[str, ...] = ()


class Counts(NamedTuple):
    """How many findings there are; what is alike on several targets counts once."""

    errors: int
    warnings: int


def tell(checked: Iterable[Checked]) -> list[Told]:
    """Give every finding once: errors first, notes last, and those of one code together."""
    told = [each for one in checked for each in _of_one(one)]
    order = [*Severity]
    return sorted(
        told, key=lambda each: (order.index(each.finding.code.severity), each.finding.code.id)
    )


def _of_one(checked: Checked) -> list[Told]:
    told: dict[tuple[str, str, bool], list[Told]] = {}
    for exact in _by_sentence(checked):
        finding = exact.finding
        group = told.setdefault((finding.code.id, finding.subject, finding.allowed), [])
        for place, each in enumerate(group):
            # two sentences on one target are two findings
            if exact.targets and not {*exact.targets} & {*each.targets, *each.alike}:
                group[place] = each._replace(alike=each.alike + exact.targets)
                break
        else:
            group.append(exact)
    return [each for group in told.values() for each in group]


def _by_sentence(checked: Checked) -> list[Told]:
    told: dict[tuple[str, str, str, bool], Told] = {}
    wheel = checked.wheel
    found = [("", finding) for finding in wheel.findings]
    found += [(target.system, each) for target in wheel.targets for each in target.all_findings]
    for system, finding in found:
        # the loader's words name paths of the target
        sentence = finding.sentence.partition(SEEN)[0]
        key = (finding.code.id, finding.subject, sentence, finding.allowed)
        entry = told.setdefault(key, Told(finding, checked, ()))
        if system and system not in entry.targets:
            told[key] = entry._replace(targets=(*entry.targets, system))
    return list(told.values())


def count(checked: Iterable[Checked]) -> Counts:
    """Count what would fail a call, without what is allowed."""
    severities = [each.finding.code.severity for each in tell(checked) if not each.finding.allowed]
    return Counts(severities.count(Severity.ERROR), severities.count(Severity.WARNING))


def next_step(code: Code) -> str:
    """Say what to do about a code, and where to read more."""
    more = f"More: wheelfix explain {code.id}"
    return more if code.next_step is None else f"{code.next_step} {more}"


def where(told: Told, shown: int) -> str:
    """Name the targets that a finding concerns; nothing where it holds on every target.

    :param shown: how many names, or groups of them, are listed at most.
    """
    of = len(told.checked.wheel.targets)
    if not told.targets:
        return ""
    is_on_all = len(told.targets) == of > 1
    place = f"on all {of}" if is_on_all else f"on {listed(told.targets, shown)}"
    return f"{place}; for a like reason on {listed(told.alike, shown)}" if told.alike else place
