"""Install wheels under file names that the target interpreter imports.

>>> from wheelfix import install_wheels, running_target
>>> install_wheels(["markupsafe-3.0.4-….whl"], [running_target()])  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wheelfix.destinations import TransactionalDestination
    from wheelfix.errors import WheelfixError
    from wheelfix.installing import InstalledWheel, install, install_wheels, plan_wheel
    from wheelfix.layout import InstallOptions
    from wheelfix.planning import Decision, Plan, Policy, Repair
    from wheelfix.sources import RepairedSource
    from wheelfix.targets import Target
    from wheelfix.targets.asking import asked_target
    from wheelfix.targets.running import running_target

__version__ = "0.1.0"

__all__ = [
    "Decision",
    "InstallOptions",
    "InstalledWheel",
    "Plan",
    "Policy",
    "Repair",
    "RepairedSource",
    "Target",
    "TransactionalDestination",
    "WheelfixError",
    "__version__",
    "asked_target",
    "install",
    "install_wheels",
    "plan_wheel",
    "running_target",
]

_HOMES = {
    "Decision": "planning",
    "InstallOptions": "layout",
    "InstalledWheel": "installing",
    "Plan": "planning",
    "Policy": "planning",
    "Repair": "planning",
    "RepairedSource": "sources",
    "Target": "targets",
    "TransactionalDestination": "destinations",
    "WheelfixError": "errors",
    "asked_target": "targets.asking",
    "install": "installing",
    "install_wheels": "installing",
    "plan_wheel": "installing",
    "running_target": "targets.running",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `wheelfix target` needs no installer."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
