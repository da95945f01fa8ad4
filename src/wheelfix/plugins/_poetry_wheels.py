"""Poetry's wheel installer, with RepairedSource between the wheel and the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cleo.formatters.formatter import Formatter
from installer import install
from installer.sources import WheelFile
from installer.utils import get_launcher_kind
from poetry.__version__ import __version__
from poetry.console.exceptions import PoetryRuntimeError
from poetry.installation.wheel_installer import WheelDestination, WheelInstaller

from wheelfix import WheelfixError
from wheelfix.plugins._shared import lines_about, metadata_of, repaired

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from poetry.installation.executor import Executor
    from poetry.utils.env import Env

__all__ = ["RepairingWheelInstaller", "use_repaired_wheels"]


class RepairingWheelInstaller(WheelInstaller):
    """Does what Poetry's does, under names that the environment imports.

    :param env: the environment to install into.
    :param lines: gets what is to be told of each wheel.
    """

    def __init__(self, env: Env, lines: list[str]) -> None:
        super().__init__(env)
        self._environment = env
        self._lines = lines
        self._levels: Collection[int] = ()

    def enable_bytecode_compilation(self, enable: bool = True) -> None:  # noqa: FBT001, FBT002 - Poetry's signature
        """Have bytecode written, or not."""
        super().enable_bytecode_compilation(enable)
        self._levels = (-1,) if enable else ()

    def install(self, wheel: Path) -> None:
        """Install a wheel.

        Source of what isn't about names: ``poetry/installation/wheel_installer.py``, WheelInstaller.install.

        :raises PoetryRuntimeError: before anything is written, if it can't work in the environment.
        """
        environment = self._environment
        with WheelFile.open(wheel) as source:
            try:
                source.validate_record(validate_contents=False)
            except source.validation_error as error:
                self.invalid_wheels[wheel] = getattr(error, "issues", [str(error)])
            try:
                repaired_source = repaired(source, str(environment.python))
            except WheelfixError as error:
                # the only errors that Poetry shows without a traceback
                raise PoetryRuntimeError(Formatter.escape(f"wheelfix: {error}")) from error
            folders = environment.scheme_dict.copy()
            folders["headers"] = os.path.join(folders["include"], source.distribution)
            destination = WheelDestination(
                folders,
                interpreter=str(environment.python),
                script_kind=get_launcher_kind(),
                bytecode_optimization_levels=self._levels,
            )
            metadata = {
                "INSTALLER": f"Poetry {__version__}".encode(),
                **metadata_of(repaired_source.plan),
            }
            install(repaired_source, destination, metadata)
            self._lines += lines_about(repaired_source)


def use_repaired_wheels(executor: Executor, env: Env, lines: list[str]) -> None:
    """Give an executor the wheel installer that repairs.

    :param lines: gets what is to be told of each wheel.
    :raises PoetryRuntimeError: if this Poetry's executor has none that could be replaced.
    """
    # no parameter sets it; a subclass of Executor would need the same name, and an Installer of its own, which
    # reads all of the environment a second time
    if not isinstance(getattr(executor, "_wheel_installer", None), WheelInstaller):
        raise PoetryRuntimeError(
            f"wheelfix: Executor of Poetry {__version__} has no _wheel_installer, which the plugin needs to "
            "replace. Use `poetry --no-plugins`, and `wheelfix fix` afterwards."
        )
    executor._wheel_installer = RepairingWheelInstaller(env, lines)  # noqa: SLF001 - told above
