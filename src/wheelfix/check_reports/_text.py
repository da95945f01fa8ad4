"""What a person reads: verdicts at a glance, then each finding once."""

from __future__ import annotations

import textwrap
from itertools import count as numbers
from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.check_reports._merging import SEEN, next_step, tell, where
from wheelfix.check_reports._names import cut, listed
from wheelfix.check_reports._verdicts import (
    Kind,
    counted,
    rows_of,
    worst_of,
)
from wheelfix.codes import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.check_reports._merging import Checked, Told
    from wheelfix.check_reports._verdicts import Row
    from wheelfix.codes import Code

__all__ = ["text_lines"]

#: of one code
_FINDINGS_SHOWN = 5
#: of those that one finding concerns; all that don't import are named above it
_TARGETS_SHOWN = 4
_GOOD_TARGETS_SHOWN = 12
_MOST_COLUMNS = 6
_NARROWEST = 40
_NARROWEST_NAME = 40
_HEADER = "WHEEL"
_BETWEEN = "  "

_RENAMED = "renamed: `wheelfix install` does it; where pip or uv installs the wheel, these modules are not found"

_GROUPS = {
    Kind.OK: "ok on",
    Kind.RENAMED: "renamed on",
    Kind.WARNS: "warnings on",
    Kind.FAILS: "fails on",
    Kind.NO_FIT: "doesn't fit",
}
_TOTALS = {
    Kind.FAILS: "fail",
    Kind.WARNS: "with warnings",
    Kind.RENAMED: "renamed",
    Kind.OK: "ok",
    Kind.NO_FIT: "without a fitting target",
}


def text_lines(checked: Sequence[Checked], width: int | None = None) -> Iterator[str]:
    """Say what was found.

    One wheel gets its verdict on each target, and all that there is to say of it. Of several ones there is a table,
    wheel by target, if there are few targets; what is no fault of a wheel is only counted.

    :param checked: at least one.
    :param width: columns to wrap lines to; None for no limit.
    """
    page = _Page(None if width is None else max(width, _NARROWEST))
    if len(checked) == 1:
        yield from _of_one(page, checked[0])
    else:
        yield from _of_several(page, _with_telling_names(checked))
    if any(row.kind is Kind.RENAMED for each in checked for row in rows_of(each)):
        yield from page.line(0, _RENAMED)


class _Page(NamedTuple):
    width: int | None

    def line(self, indent: int, text: str) -> Iterator[str]:
        """Give the text with its first line indented, and what follows further."""
        if self.width is None:
            yield " " * indent + text
            return
        yield from textwrap.wrap(
            text,
            self.width,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + 4),
            break_long_words=False,
            break_on_hyphens=False,
        )


def _with_telling_names(checked: Sequence[Checked]) -> list[Checked]:
    """Call wheels by their paths where several have one name."""
    names = [each.name for each in checked]
    return [
        each._replace(wheel=each.wheel._replace(wheel=each.path))
        if each.path is not None and names.count(each.name) > 1
        else each
        for each in checked
    ]


# --- one wheel


def _of_one(page: _Page, checked: Checked) -> Iterator[str]:
    rows = rows_of(checked)
    if len(rows) == 1:
        target = rows[0].target.system
        yield from page.line(0, f"{checked.name} on {target}: {rows[0].words}")
    else:
        yield from _groups(page, checked, rows, shown=_GOOD_TARGETS_SHOWN)
    told = tell([checked])
    if told and len(rows) > 1:
        yield ""
    for code, alike in _by_code(told).items():
        yield from _findings(page, code, alike, names_wheel=False)


def _groups(
    page: _Page, checked: Checked, rows: Sequence[Row], shown: int, shown_bad: int | None = None
) -> Iterator[str]:
    """Give a line for the wheel, and one for each verdict with the targets of it."""
    if not rows:
        reason = "broken" if checked.is_broken else "fits no target"
        yield from page.line(0, f"{checked.name}: {reason}")
        return
    yield from page.line(0, checked.name)
    groups: dict[tuple[Kind, tuple[str, ...]], list[str]] = {}
    for row in rows:
        groups.setdefault((row.kind, row.codes), []).append(row.target.system)
    order = [*Kind]
    for kind, reasons in sorted(groups, key=lambda key: (order.index(key[0]), key[1])):
        systems = groups[kind, reasons]
        reason = f" ({', '.join(reasons)})" if reasons else ""
        names = listed(systems, shown_bad if reasons else shown)
        yield from page.line(2, f"{_GROUPS[kind]} {len(systems)}{reason}: {names}")


# --- several


def _of_several(page: _Page, checked: Sequence[Checked]) -> Iterator[str]:
    rows = [rows_of(each) for each in checked]
    table = _table(page, checked, rows)
    if table is None:
        for each, of_it in zip(checked, rows):
            yield from _groups(page, each, of_it, _TARGETS_SHOWN, _TARGETS_SHOWN)
    else:
        yield from table
    yield ""
    for code, alike in _by_code(tell(checked)).items():
        if code == codes.TAGS_DO_NOT_FIT or code.severity is Severity.NOTE:
            yield from _only_counted(page, code, alike)
        else:
            yield from _findings(page, code, _spread(alike), names_wheel=True)
    yield from page.line(0, _total(checked, rows))


def _table(
    page: _Page, checked: Sequence[Checked], rows: Sequence[Sequence[Row]]
) -> list[str] | None:
    """Give wheel by target, or None if it becomes too wide."""
    systems = [*dict.fromkeys(row.target.system for of_it in rows for row in of_it)]
    if not 0 < len(systems) <= _MOST_COLUMNS:
        return None
    lines = [systems]
    for each, of_it in zip(checked, rows):
        cells = {row.target.system: row.cell for row in of_it}
        blank = "broken" if each.is_broken else Kind.NO_FIT.value
        lines.append([cells.get(system, blank) for system in systems])
    widths = [max(map(len, column)) for column in zip(*lines)]
    names = [_HEADER, *(each.name for each in checked)]
    if page.width is not None:
        left = page.width - sum(widths) - len(_BETWEEN) * len(widths)
        names = [cut(name, max(left, _NARROWEST_NAME)) for name in names]
        if left < min(_NARROWEST_NAME, max(map(len, names))) or len(set(names)) < len(names):
            return None
    widths.insert(0, max(map(len, names)))
    return [
        _BETWEEN.join(cell.ljust(width) for cell, width in zip([name, *line], widths)).rstrip()
        for name, line in zip(names, lines)
    ]


def _only_counted(page: _Page, code: Code, alike: Sequence[Told]) -> Iterator[str]:
    wheels = counted(len({id(told.checked) for told in alike}), "wheel")
    yield from page.line(0, f"{code.severity.value}: {code.id} in {wheels}: {code.reason}")
    if code == codes.TAGS_DO_NOT_FIT:
        yield from page.line(2, f"To leave such pairs out: --ignore {code.id}. {next_step(code)}")


def _spread(alike: Sequence[Told]) -> list[Told]:
    """Put the first finding of each wheel first, so that one wheel with many doesn't hide the others."""
    ranks: dict[int, Iterator[int]] = {}
    return sorted(alike, key=lambda told: next(ranks.setdefault(id(told.checked), numbers())))


def _total(checked: Sequence[Checked], rows: Sequence[Sequence[Row]]) -> str:
    found = [
        "broken" if each.is_broken else _TOTALS[worst_of(of_it)]
        for each, of_it in zip(checked, rows)
    ]
    words = [*_TOTALS.values(), "broken"]
    parts = [f"{found.count(word)} {word}" for word in words if word in found]
    return f"{counted(len(checked), 'wheel')}: {', '.join(parts)}"


# --- findings


def _by_code(told: Sequence[Told]) -> dict[Code, list[Told]]:
    by_code: dict[Code, list[Told]] = {}
    for each in told:
        by_code.setdefault(each.finding.code, []).append(each)
    return by_code


def _findings(
    page: _Page, code: Code, alike: Sequence[Told], *, names_wheel: bool
) -> Iterator[str]:
    for told in alike[:_FINDINGS_SHOWN]:
        yield from _finding(page, told, names_wheel=names_wheel)
    if len(alike) > _FINDINGS_SHOWN:
        rest = f"and {len(alike) - _FINDINGS_SHOWN} more with {code.id}; --format json tells all"
        yield from page.line(2, rest)
    if code.severity is not Severity.NOTE:
        yield from page.line(2, next_step(code))


def _finding(page: _Page, told: Told, *, names_wheel: bool) -> Iterator[str]:
    finding = told.finding
    severity = "allowed" if finding.allowed else finding.code.severity.value
    sentence, _, seen = finding.sentence.partition(SEEN)
    about = [told.checked.name] if names_wheel else []
    if finding.subject not in about:
        about.append(finding.subject)
    yield from page.line(0, f"{severity}: {finding.code.id} {': '.join([*about, sentence])}")
    if seen:
        yield from page.line(4, f"you would see: {seen}")
    place = where(told, _TARGETS_SHOWN)
    if place and len(told.checked.wheel.targets) > 1:
        yield from page.line(4, place)
