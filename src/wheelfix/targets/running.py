"""The door to the running interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.targets import _facts
from wheelfix.targets._building import build_target

if TYPE_CHECKING:
    from wheelfix.targets._target import Target

__all__ = ["running_target"]


def running_target(scheme: str | None = None, prefix: str | None = None) -> Target:
    """Describe the interpreter that runs this.

    :param scheme: name of the sysconfig scheme for the paths; None for the default one.
    :param prefix: folder that takes the place of base and platbase, as ``python -m installer --prefix``;
        Debian's "posix_local" is replaced by "posix_prefix" then, as pip does.
    :raises EnvironmentRefusedError: if cross-build variables make it describe another one (WF502), or it has no
        such scheme (WF507).
    """
    return build_target(_facts.collect(scheme, prefix), prefix)
