"""The hand that rewrites: a new wheel file, whose modules load on every given target."""

from __future__ import annotations

from wheelfix.rewriting._altering import Stripping
from wheelfix.rewriting._model import RepairedWheel
from wheelfix.rewriting._repairing import repair_wheel, repair_wheels

__all__ = ["RepairedWheel", "Stripping", "repair_wheel", "repair_wheels"]
