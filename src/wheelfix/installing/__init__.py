"""The hand that installs: plan every wheel of the call, then write all of them or none."""

from __future__ import annotations

from wheelfix.installing._install import InstalledWheel, install, install_wheels, plan_wheel

__all__ = ["InstalledWheel", "install", "install_wheels", "plan_wheel"]
