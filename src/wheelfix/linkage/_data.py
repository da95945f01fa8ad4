"""The tables in ``data/`` that only the linkage needs."""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["is_private", "provider_of", "table"]


def table(file: str) -> dict[str, Any]:
    """Read one table, from a folder or out of a zip archive alike."""
    import json
    from importlib.resources import files

    text = (files("wheelfix") / "data" / file).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def is_private(symbol: bytes) -> bool:
    """Tell whether a symbol is CPython's, and not of the stable ABI, by its name alone."""
    return symbol.startswith(b"_Py") and symbol not in _stable_abi()


def provider_of(library: str) -> str | None:
    """Name the project whose wheel usually brings a library that other wheels need."""
    return next((project for prefix, project in _providers() if library.startswith(prefix)), None)


@cache
def _stable_abi() -> frozenset[bytes]:
    return frozenset(name.encode() for name in table("stable_abi_private.json")["symbols"])


@cache
def _providers() -> tuple[tuple[str, str], ...]:
    rows = table("library_providers.json")["libraries"]
    return tuple((row["prefix"], row["project"]) for row in rows)
