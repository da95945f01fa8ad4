"""``--python``, an option of several commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from wheelfix.targets import Target

__all__ = ["add_python_option", "named_targets"]


def add_python_option(parser: argparse._ActionsContainer, use: str, repeated: str) -> None:
    """Add the option.

    :param use: what the interpreter is named for.
    :param repeated: what happens if it is given several times.
    """
    parser.add_argument(
        "--python",
        action="append",
        metavar="PATH",
        help=f"{use}: executable, virtual environment's folder, or command on PATH "
        f"(default: the running interpreter); several times: {repeated}",
    )


def named_targets(
    pythons: Sequence[str] | None, scheme: str | None = None, prefix: str | None = None
) -> list[Target]:
    """Describe the interpreters that the option names, or else the running one.

    :param pythons: as argparse collects them.
    :raises EnvironmentRefusedError: if one of them can't be described.
    """
    if not pythons:
        from wheelfix.targets.running import running_target

        return [running_target(scheme, prefix)]
    from wheelfix.targets.asking import asked_target

    return [asked_target(python, scheme, prefix) for python in pythons]
