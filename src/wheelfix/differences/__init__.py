"""Why two builds of one wheel differ: which member, which part of it, and what the likely cause is.

Pure: what is compared comes as values, and contents through callables; :func:`opened_wheel` alone reads files.
"""

from __future__ import annotations

from wheelfix.differences._comparing import differences
from wheelfix.differences._model import Cause, ComparedMember, ComparedWheel, Difference
from wheelfix.differences._reading import opened_wheel

__all__ = [
    "Cause",
    "ComparedMember",
    "ComparedWheel",
    "Difference",
    "differences",
    "opened_wheel",
]
