"""Reads Dockerfiles, as far as it takes to compare two."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Instruction", "read_dockerfile", "without_base_images"]


class Instruction(NamedTuple):
    """One instruction, as ``RUN``, and what follows it, on one line."""

    name: str
    arguments: str


def read_dockerfile(text: str) -> list[Instruction]:
    """Give the instructions: lines without comments, joined where they end in a backslash."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Instruction(*re.split(r"\s+", line, maxsplit=1)) for line in joined.splitlines()]


def without_base_images(instructions: list[Instruction]) -> list[Instruction]:
    """Leave out what differs between two Dockerfiles of one recipe: the image that a stage begins with."""
    return [
        instruction._replace(arguments=re.sub(r"^\S+", "…", instruction.arguments))
        if instruction.name == "FROM"
        else instruction
        for instruction in instructions
    ]
