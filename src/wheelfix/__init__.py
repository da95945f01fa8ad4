"""Install wheels under file names that the target interpreter imports.

>>> from wheelfix import install_wheels, running_target
>>> install_wheels(["markupsafe-3.0.4-….whl"], [running_target()])  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wheelfix.checking import (
        CheckedWheel,
        System,
        check_distribution,
        check_wheel,
        check_wheels,
        profile_system,
    )
    from wheelfix.destinations import TransactionalDestination
    from wheelfix.environments import (
        FixedEnvironment,
        VerifiedEnvironment,
        fix_environment,
        verify_environment,
    )
    from wheelfix.errors import WheelfixError
    from wheelfix.installing import InstalledWheel, install, install_wheels, plan_wheel
    from wheelfix.layout import InstallOptions
    from wheelfix.planning import Decision, Plan, Policy, Repair
    from wheelfix.rewriting import RepairedWheel, Stripping, repair_wheel, repair_wheels
    from wheelfix.sources import RepairedSource
    from wheelfix.targets import Target
    from wheelfix.targets.asking import asked_target
    from wheelfix.targets.profiles import profile_target
    from wheelfix.targets.roots import read_root
    from wheelfix.targets.running import running_target

__version__ = "0.1.0"

__all__ = [
    "CheckedWheel",
    "Decision",
    "FixedEnvironment",
    "InstallOptions",
    "InstalledWheel",
    "Plan",
    "Policy",
    "Repair",
    "RepairedSource",
    "RepairedWheel",
    "Stripping",
    "System",
    "Target",
    "TransactionalDestination",
    "VerifiedEnvironment",
    "WheelfixError",
    "__version__",
    "asked_target",
    "check_distribution",
    "check_wheel",
    "check_wheels",
    "fix_environment",
    "install",
    "install_wheels",
    "plan_wheel",
    "profile_system",
    "profile_target",
    "read_root",
    "repair_wheel",
    "repair_wheels",
    "running_target",
    "verify_environment",
]

_HOMES = {
    "CheckedWheel": "checking",
    "Decision": "planning",
    "FixedEnvironment": "environments",
    "InstallOptions": "layout",
    "InstalledWheel": "installing",
    "Plan": "planning",
    "Policy": "planning",
    "Repair": "planning",
    "RepairedSource": "sources",
    "RepairedWheel": "rewriting",
    "Stripping": "rewriting",
    "System": "checking",
    "Target": "targets",
    "TransactionalDestination": "destinations",
    "VerifiedEnvironment": "environments",
    "WheelfixError": "errors",
    "asked_target": "targets.asking",
    "check_distribution": "checking",
    "check_wheel": "checking",
    "check_wheels": "checking",
    "fix_environment": "environments",
    "install": "installing",
    "install_wheels": "installing",
    "plan_wheel": "installing",
    "profile_system": "checking",
    "profile_target": "targets.profiles",
    "read_root": "targets.roots",
    "repair_wheel": "rewriting",
    "repair_wheels": "rewriting",
    "running_target": "targets.running",
    "verify_environment": "environments",
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
