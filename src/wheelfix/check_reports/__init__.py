"""What a check found, as text for a person, as JSON (schema version 1), or as annotations of GitHub."""

from __future__ import annotations

from wheelfix.check_reports._formats import check_to_json, github_lines
from wheelfix.check_reports._merging import Checked, Counts, count
from wheelfix.check_reports._selecting import Selection
from wheelfix.check_reports._text import text_lines

__all__ = [
    "Checked",
    "Counts",
    "Selection",
    "check_to_json",
    "count",
    "github_lines",
    "text_lines",
]
