"""Compares a foretelling with what real loaders did."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Callable

from support.load_probe import Kind, Outcome, Probe

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from support.ground_truth import Row

__all__ = ["Foretelling", "compare", "confusion", "matrix", "sentences"]

Foretelling = Callable[[Probe], Outcome]


def _line(row: Row) -> str:
    probe = row.probe
    return f"{probe.root} {probe.interpreter}: {probe.wheel}: {probe.member}"


def _differences(foretold: Outcome, happened: Outcome) -> Iterator[tuple[str, str]]:
    if foretold.load is not happened.load:
        was = f"{happened.load.value}: {happened.sentence}"
        yield "load", f"foretold {foretold.load.value}: {foretold.sentence}; it was {was}"
    if foretold.found is not happened.found:
        yield "found", f"found: foretold {foretold.found}, it was {happened.found}"
    if set(foretold.symbols) != set(happened.symbols):
        was = ", ".join(happened.symbols) or "none"
        yield "symbols", f"init symbols: foretold {foretold.symbols}, it was {was}"


def compare(
    foretell: Foretelling,
    rows: Iterable[Row],
    exceptions: Container[str] = (),
    aspects: Container[str] = ("load", "found", "symbols"),
) -> list[str]:
    """List where a foretelling differs from what happened.

    :param exceptions: what may differ, as ``wheel: member`` or, for synthetic objects, the case.
    :param aspects: what a foretelling tells; other fields of its Outcome do not matter.
    """
    return [
        f"{_line(row)}: {difference}"
        for row in rows
        if f"{row.probe.wheel}: {row.probe.member}" not in exceptions
        and row.probe.wheel not in exceptions
        for aspect, difference in _differences(foretell(row.probe), row.outcome)
        if aspect in aspects
    ]


def sentences(foretell: Foretelling, rows: Iterable[Row]) -> tuple[list[str], list[str]]:
    """List the refusals whose sentence is foretold wrongly, and those where none is foretold."""
    wrong, silent = [], []
    for row in rows:
        real = row.outcome.sentence
        if row.outcome.load in {Kind.LOADS, Kind.CRASH} or not real:
            continue
        foretold = foretell(row.probe).sentence
        if not foretold:
            silent.append(f"{_line(row)}: {real}")
        elif foretold != real:
            wrong.append(f"{_line(row)}: foretold {foretold!r}, it was {real!r}")
    return wrong, silent


def matrix(rows: Iterable[Row]) -> str:
    """Tell how often each class occurs in each root, and its share."""
    loads = Counter((row.outcome.load, row.probe.root) for row in rows)
    roots = sorted({root for _, root in loads})
    lines = [f"{'dlopen':18}" + "".join(f"{root:>14}" for root in roots) + "     share"]
    for kind in Kind:
        counts = [loads[kind, root] for root in roots]
        if any(counts):
            share = 100 * sum(counts) / loads.total()
            cells = "".join(f"{count:14,}" for count in counts)
            lines.append(f"{kind.value:18}{cells}{share:9.1f}%")
    totals = (sum(loads[kind, root] for kind in Kind) for root in roots)
    lines.append(f"{'all':18}" + "".join(f"{total:14,}" for total in totals))
    return "\n".join(lines)


def confusion(foretell: Foretelling, rows: Iterable[Row]) -> str:
    """Tell how often each class was foretold where each class happened, and the share that was right."""
    counts = Counter((foretell(row.probe).kind, row.outcome.kind) for row in rows)
    kinds = [kind for kind in Kind if any(kind in pair for pair in counts)]
    lines = ["foretold \\ happened".ljust(20) + "".join(f"{kind.value:>17}" for kind in kinds)]
    for foretold in kinds:
        cells = "".join(f"{counts[foretold, happened]:17,}" for happened in kinds)
        lines.append(f"{foretold.value:20}{cells}")
    right = sum(count for (foretold, happened), count in counts.items() if foretold is happened)
    total = sum(counts.values())
    lines.append(f"right: {right:,} of {total:,}, {100 * right / total:.2f} %")
    return "\n".join(lines)
