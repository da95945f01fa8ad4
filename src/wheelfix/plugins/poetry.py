"""Plugin for Poetry: what ``poetry install``, ``add``, ``update``, ``sync`` install is what the environment imports.

Poetry finds it by the entry point group ``poetry.application.plugin``. When a command that installs begins, its
executor gets another wheel installer (:mod:`wheelfix.plugins._poetry_wheels`). The target is the environment's
interpreter. A wheel that can't work is told of in a sentence; nothing of it is written, and Poetry's exit status is
1.

Not covered: the environments in which Poetry builds sdists make installers of their own, which no plugin can reach
(``poetry/utils/isolated_build.py``). Before an update Poetry removes the old version, whatever becomes of the new
one.
Poetry takes the platform of its own interpreter for the environment's where ``sysconfig.get_platform()`` is the same
in both (``poetry/utils/env/virtual_env.py``): for an environment on musl it must itself run on musl, or it chooses
manylinux wheels, which this plugin refuses.

Seams, all public but one, in Poetry 2.5.1: ``ApplicationPlugin.activate``, ``COMMAND`` and ``TERMINATE`` of the event
dispatcher, ``InstallerCommand.installer``, ``Installer.executor``, and ``Executor._wheel_installer``, which no
parameter sets. Where that one is missing, the command ends with an error: nobody shall believe that wheels are looked
at when they aren't.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from cleo.events.console_events import COMMAND, TERMINATE
from poetry.plugins.application_plugin import ApplicationPlugin

if TYPE_CHECKING:
    from cleo.events.console_command_event import ConsoleCommandEvent
    from cleo.events.console_terminate_event import ConsoleTerminateEvent
    from cleo.events.event import Event
    from cleo.events.event_dispatcher import EventDispatcher
    from poetry.console.application import Application

__all__ = ["WheelfixPlugin"]

#: Poetry makes the command's installer at priority 0, and higher ones come first
_AFTER_POETRY = -10


class WheelfixPlugin(ApplicationPlugin):
    """Has Poetry install wheels under names that the environment imports."""

    def __init__(self) -> None:
        super().__init__()
        #: what is to be told when the command is over: while it runs, the terminal is Poetry's
        self._lines: list[str] = []

    def activate(self, application: Application) -> None:
        """Listen for the commands that Poetry runs."""
        dispatcher = application.event_dispatcher
        assert dispatcher is not None  # noqa: S101 - Application's constructor sets it
        dispatcher.add_listener(COMMAND, self._begin, _AFTER_POETRY)
        dispatcher.add_listener(TERMINATE, self._end)

    def _begin(self, event: Event, _name: str, _dispatcher: EventDispatcher) -> None:
        from poetry.console.commands.installer_command import InstallerCommand

        command = cast("ConsoleCommandEvent", event).command
        if isinstance(command, InstallerCommand):
            try:
                from wheelfix.plugins._poetry_wheels import use_repaired_wheels
            except ImportError as error:
                raise RuntimeError(
                    f"wheelfix: the plugin needs Poetry 2.1 or newer ({error}). Use `poetry --no-plugins`, and "
                    "`wheelfix fix` afterwards."
                ) from error

            use_repaired_wheels(command.installer.executor, command.env, self._lines)

    def _end(self, event: Event, _name: str, _dispatcher: EventDispatcher) -> None:
        from cleo.formatters.formatter import Formatter

        for line in self._lines:
            cast("ConsoleTerminateEvent", event).io.write_error_line(Formatter.escape(line))
        self._lines.clear()
