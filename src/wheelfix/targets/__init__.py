"""What one interpreter loads and where it keeps its packages, however that was learnt.

:class:`Target` is the value object; ``running`` and ``asking`` are the doors to it.
"""

from __future__ import annotations

from wheelfix.targets._target import Target

__all__ = ["Target"]
