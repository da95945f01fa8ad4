"""Environments that belong to another package manager (PEP 668)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wheelfix.targets._target import Target

__all__ = ["externally_managed"]

_DEFAULT_MESSAGE = "it is managed by another package manager"


def externally_managed(target: Target, root: str | None = None) -> str | None:
    """Say whether another package manager owns the environment, in the words that it left for that.

    Source: pip's ``check_externally_managed`` and ``ExternallyManagedEnvironment.from_config``: a virtual environment
    never is; the message in the language of the locale comes before the one without a language.

    :param root: folder that is ``/`` to the target; None for this machine's own.
    :return: the message of the file EXTERNALLY-MANAGED, or a sentence where that holds none; None if the
        environment is free.
    """
    if target.prefix != target.base_prefix:
        return None
    marker = Path(target.paths["stdlib"], "EXTERNALLY-MANAGED")
    if root is not None:
        from wheelfix.targets.roots import InsideRoot

        try:
            marker = Path(InsideRoot(root).host_path(marker.as_posix()))
        except OSError:
            return None
    if not marker.is_file():
        return None
    from configparser import ConfigParser, Error

    parser = ConfigParser(interpolation=None)
    try:
        parser.read(marker, encoding="utf-8")
        section = parser["externally-managed"]
    except (Error, KeyError, UnicodeDecodeError):
        return _DEFAULT_MESSAGE
    messages = (section[key] for key in _keys(_language()) if key in section)
    return next(messages, _DEFAULT_MESSAGE)


def _keys(language: str | None) -> Iterator[str]:
    if language is not None:
        yield f"Error-{language}"
        for separator in ("-", "_"):
            before, found, _ = language.partition(separator)
            if found:
                yield f"Error-{before}"
    yield "Error"


def _language() -> str | None:
    """Give the language of messages, "de_DE"; None where the system or the user names none."""
    import locale

    category = getattr(locale, "LC_MESSAGES", None)  # not on Windows
    return None if category is None else locale.getlocale(category)[0]
