"""What pip's configuration files say.

Source: pip ``_internal/configuration.py`` (get_configuration_files, Configuration.iter_config_files) and
``_internal/cli/parser.py`` (ConfigOptionParser).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["pip_settings"]

#: the later one counts
_SECTIONS = ("global", "install")


def pip_settings(
    variables: Mapping[str, str], prefix: str | None, *, is_isolated: bool
) -> dict[str, str]:
    """Read what the files say on ``pip install``; one that can't be read is passed over, pip fails because of it.

    :param variables: the process's; those that pip takes options from are not among the settings.
    :param prefix: of the interpreter that pip installs for.
    :param is_isolated: whether the user's own files don't count.
    :return: by the option's name without dashes at its front.
    """
    from configparser import Error, RawConfigParser

    sections: dict[str, dict[str, str]] = {name: {} for name in _SECTIONS}
    for path in _files(variables, prefix, is_isolated=is_isolated):
        parser = RawConfigParser()
        try:
            parser.read(path)
        except (Error, UnicodeDecodeError):
            continue
        for name, settings in sections.items():
            if parser.has_section(name):
                settings.update((_normalized(key), value) for key, value in parser.items(name))
    return {key: value for name in _SECTIONS for key, value in sections[name].items() if value}


def _normalized(key: str) -> str:
    return key.lower().replace("_", "-").removeprefix("--")


def _files(variables: Mapping[str, str], prefix: str | None, *, is_isolated: bool) -> Iterator[str]:
    """Give the paths, of which the later ones count."""
    named = variables.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    for folder in (variables.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep):
        yield os.path.join(folder, "pip", "pip.conf")
    yield "/etc/pip.conf"
    home = variables.get("HOME")
    if home and not is_isolated and not (named and os.path.exists(named)):
        yield os.path.join(home, ".pip", "pip.conf")
        own = variables.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
        yield os.path.join(own, "pip", "pip.conf")
    if prefix:
        yield os.path.join(prefix, "pip.conf")
    if named:
        yield named
