"""The compatibility tags in a wheel's file name.

packaging reads them too, but importing it takes longer than installing a small wheel.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["WheelTag", "parse_wheel_tags"]

_PARTS = 3


class WheelTag(NamedTuple):
    """One tag, like ``cp39-cp39-musllinux_1_1_x86_64`` (PEP 425)."""

    interpreter: str
    abi: str
    platform: str

    def __str__(self) -> str:
        """As it stands in a file name."""
        return "-".join(self)


def parse_wheel_tags(text: str) -> frozenset[WheelTag]:
    """Expand a compressed tag set (PEP 425).

    :param text: like ``py2.py3-none-any``.
    :raises ValueError: if it hasn't three parts; a fourth would be a wheel variant's label (PEP 825, a draft).
    """
    parts = text.lower().split("-")
    if len(parts) != _PARTS or not all(parts):
        raise ValueError(f"{text!r} is no interpreter, ABI and platform tag")
    interpreters, abis, platforms = (part.split(".") for part in parts)
    return frozenset(
        WheelTag(interpreter, abi, platform)
        for interpreter in interpreters
        for abi in abis
        for platform in platforms
    )
