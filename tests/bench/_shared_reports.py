"""The comparison's numbers as text, Markdown and JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench._shared import Costs, median_costs
from bench._shared_tools import FLOOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Comparison", "markdown_table", "text_table"]


@dataclass(frozen=True)
class Comparison:
    """What the tools took for one workload.

    :param wheels: how many.
    :param files: installed by all of them.
    :param size: bytes of these.
    :param runs: of each tool, the first one in the table first.
    """

    workload: str
    wheels: int
    files: int
    size: int
    runs: Mapping[str, Sequence[Costs]]

    def median(self, tool: str) -> Costs:
        """Give the medians of a tool's runs."""
        return median_costs(self.runs[tool])

    def ratio(self, tool: str, other: str) -> float:
        """Tell how many times as fast as the other the tool is, by their medians."""
        return self.median(other).seconds / self.median(tool).seconds

    @property
    def title(self) -> str:
        """What is installed."""
        name = self.workload if self.wheels == 1 else f"{self.wheels} wheels at once"
        return f"{name} ({self.files:,} files, {self.size / 1e6:,.1f} MB)"

    def to_json(self) -> dict[str, Any]:
        """Give all numbers, those of each run too."""
        runs = {tool: [asdict(run) for run in runs] for tool, runs in self.runs.items()}
        medians = {tool: asdict(self.median(tool)) for tool in runs}
        about = {name: getattr(self, name) for name in ("workload", "wheels", "files", "size")}
        return {**about, "medians": medians, "runs": runs}


def _label(tool: str) -> str:
    return f"{tool} (the floor)" if tool == FLOOR else tool


def _short(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds >= 0.1 else f"{seconds:.3f}"


def text_table(comparison: Comparison) -> str:
    """Make the table of one workload."""
    rounds = len(comparison.runs["installer"])
    lines = [
        f"{comparison.title}, {rounds} rounds",
        f"{'':16}{'seconds':>9}{'fastest':>9}{'slowest':>9}{'CPU s':>9}{'x installer':>13}{'peak MB':>9}",
    ]
    for tool, runs in comparison.runs.items():
        median, times = comparison.median(tool), sorted(run.seconds for run in runs)
        lines.append(
            f"{_label(tool):16}{median.seconds:9.3f}{times[0]:9.3f}{times[-1]:9.3f}"
            f"{median.cpu_seconds:9.3f}{comparison.ratio(tool, 'installer'):13.2f}"
            f"{median.peak_bytes / 1e6:9.0f}"
        )
    return "\n".join(lines) + "\n"


def markdown_table(comparisons: Sequence[Comparison]) -> str:
    """Make one table of all workloads, for README: seconds, and how many times as fast as installer that is."""
    names = list(comparisons[0].runs)
    lines = [f"| | {' | '.join(map(_label, names))} |", f"|---|{'---|' * len(names)}"]
    for comparison in comparisons:
        cells = [
            f"{_short(comparison.median(tool).seconds)} s ({comparison.ratio(tool, 'installer'):.1f}x)"
            for tool in names
        ]
        lines.append(f"| {comparison.title} | {' | '.join(cells)} |")
    peaks = [
        max(comparison.median(tool).peak_bytes for comparison in comparisons) for tool in names
    ]
    lines.append(f"| most memory | {' | '.join(f'{peak / 1e6:.0f} MB' for peak in peaks)} |")
    return "\n".join(lines) + "\n"
