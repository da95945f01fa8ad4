"""Members of wheel archives inflated, hashed and written in parallel.

Memory is bounded: whoever writes holds one small member whole, or a few chunks of a large one.
"""

from __future__ import annotations

from wheelfix.writing._files import current_umask, make_executable, write_all_bytes
from wheelfix.writing._members import MemberToWrite, WrittenMember
from wheelfix.writing._writer import MemberWriter

__all__ = [
    "MemberToWrite",
    "MemberWriter",
    "WrittenMember",
    "current_umask",
    "make_executable",
    "write_all_bytes",
]
