"""One wheel file: opened, checked as a whole, and given out as an installer source."""

from __future__ import annotations

from wheelfix.archive._archive import WheelArchive
from wheelfix.archive._names import scheme_of
from wheelfix.archive._streams import DEFLATED, STORED, MemberStream, PackedMember

__all__ = ["DEFLATED", "STORED", "MemberStream", "PackedMember", "WheelArchive", "scheme_of"]
