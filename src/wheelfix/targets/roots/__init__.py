"""Interpreters in a root file system, read without running anything."""

from __future__ import annotations

from wheelfix.targets.roots._deciding import ReadTarget
from wheelfix.targets.roots._paths import InsideRoot
from wheelfix.targets.roots._reading import examine_root, read_root

__all__ = ["InsideRoot", "ReadTarget", "examine_root", "read_root"]
