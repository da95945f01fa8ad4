# ruff: noqa: T201 - a script prints
"""Print what real loaders do with real wheels' modules, and what ``check`` foretold of it.

``python tests/linkage/ground_truth.py`` prints matrices and shares.

With ``--record``, write what happens to the synthetic objects to synthetic_outcomes.json instead.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.checked_probes import checked_modules, foretelling
from support.foretelling_compared import compare, confusion, matrix
from support.ground_truth import ground_truth, synthetic_truth
from support.load_probe import Kind


def record() -> None:
    """Write the synthetic objects' outcomes."""
    outcomes: dict[str, dict[str, list[str]]] = {}
    for probe, outcome in synthetic_truth():
        said = [outcome.load.value, outcome.sentence, *outcome.symbols]
        outcomes.setdefault(probe.wheel, {})[probe.root] = said
    lines = (f"  {json.dumps(name)}: {json.dumps(roots)}" for name, roots in outcomes.items())
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    Path(__file__).with_name("synthetic_outcomes.json").write_text(text, "utf-8")


def main() -> None:
    """Probe what is not known yet, and print the shares."""
    started = time.monotonic()
    truth = ground_truth()
    seconds = time.monotonic() - started
    wheels = {row.probe.sha256 for row in truth.rows}
    print(f"{len(truth.rows):,} probes of {len(wheels)} wheels, {truth.ran:,} of them run now")
    print(f"{seconds:.1f} s\n")
    print(matrix(truth.rows))
    unseen = sum(row.outcome.kind is Kind.NOT_FOUND for row in truth.rows)
    print(f"\nnot found by the interpreter under its name: {unseen:,}")
    whole = Counter(
        "imported" if row.outcome.imported.startswith("/") else "fails"
        for row in truth.rows
        if row.outcome.imported
    )
    print(f"whole imports: {dict(whole)}")
    modules = checked_modules(row.probe for row in truth.rows)
    rows = [row for row in truth.rows if row.probe in modules]
    print(f"\nwhat check foretold of {len(rows):,} probes of modules that an import reaches:\n")
    print(confusion(foretelling(modules), rows))
    for line in compare(foretelling(modules), rows):
        print(line)


if __name__ == "__main__":
    record() if sys.argv[1:] == ["--record"] else main()
