"""The door to an interpreter that is described by one file: ``--target-info``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.targets._from_json import InvalidFactError, target_from_json
from wheelfix.targets.roots._build_details import parse_build_details
from wheelfix.targets.roots._deciding import ReadTarget, Wish, decide
from wheelfix.targets.roots._sources import Place, Sources
from wheelfix.targets.roots._sysconfig import (
    UnreadableError,
    parse_json_variables,
    parse_sysconfigdata,
    text,
)

if TYPE_CHECKING:
    from wheelfix.targets._target import Target
    from wheelfix.targets.roots._build_details import BuildDetails
    from wheelfix.targets.roots._sysconfig import Variables

__all__ = ["examine_target_info", "read_target_info"]

# bytes; a _sysconfigdata_*.py has some 50,000, a saved target 100,000
_MAX_SIZE = 16 * 1024 * 1024

# where CPython's configure installs to if it is told nothing
_DEFAULT_PREFIX = "/usr/local"


def read_target_info(path: str, *, scheme: str | None = None, prefix: str | None = None) -> Target:
    """Describe an interpreter by one file; nothing is run.

    The file is what ``wheelfix target --format json`` printed, a build-details.json (PEP 739), a
    ``_sysconfigdata_*.py`` or its JSON twin. The last three tell less: of libc only the family, and that by names
    which up to CPython 3.10 call musl "gnu"; so all versions of the libc are accepted. Without the interpreter's own
    table of suffixes the list is CPython's by the rule, if build-details.json doesn't hold it.

    :param scheme: name of a sysconfig scheme for the paths; None for the default one. A saved target has one only.
    :param prefix: folder that stands in for base and platbase; not for a saved target.
    :raises EnvironmentRefusedError: if the file can't be read or describes no target (WF524), or there is no such
        scheme (WF507).
    """
    return examine_target_info(path, scheme=scheme, prefix=prefix).target


def examine_target_info(
    path: str, *, scheme: str | None = None, prefix: str | None = None
) -> ReadTarget:
    """Describe an interpreter as :func:`read_target_info`, and tell what in the file disagrees."""
    source = _read(path)
    wish = Wish(path, codes.BAD_TARGET_INFO, scheme, prefix)
    try:
        if not source.lstrip().startswith(("{", "[")):
            return _of_variables(parse_sysconfigdata(source), wish)
        content = json.loads(source)
        if isinstance(content, list):
            _refuse(path, "it holds several targets; give a file with one")
        if "schema" in content:
            return _saved(content, wish)
        if "language" in content:
            return _of_build_details(parse_build_details(source), wish)
        return _of_variables(parse_json_variables(source), wish)
    except (UnreadableError, InvalidFactError) as error:
        return _refuse(path, str(error))
    except (ValueError, RecursionError) as error:
        return _refuse(path, f"it is no JSON: {error}")


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(_MAX_SIZE + 1)
    except (OSError, ValueError) as error:
        return _refuse(path, getattr(error, "strerror", None) or str(error))
    if len(content) > _MAX_SIZE:
        _refuse(path, f"it is larger than {_MAX_SIZE} bytes")
    return content.decode("utf-8", "replace").lstrip("\ufeff")


def _saved(content: dict[str, Any], wish: Wish) -> ReadTarget:
    target, executable = target_from_json(content)
    if wish.scheme is not None or wish.prefix is not None:
        sentence = "it holds the paths of one scheme and prefix; others can't be told from it"
        raise EnvironmentRefusedError([Finding(codes.UNKNOWN_SCHEME, wish.subject, sentence)])
    return ReadTarget(target, executable, ())


def _of_build_details(details: BuildDetails, wish: Wish) -> ReadTarget:
    prefix = _absolute(details.base_prefix) or _DEFAULT_PREFIX
    version = ".".join((details.version or "").split(".")[:2])
    sources = Sources(
        version=version,
        place=Place(_absolute(details.base_interpreter), prefix, prefix, "lib"),
        build_details=details,
        build_details_path=wish.subject,
    )
    return decide(sources, wish)


def _of_variables(variables: Variables, wish: Wish) -> ReadTarget:
    prefix = _absolute(text(variables, "prefix")) or _DEFAULT_PREFIX
    platlibdir = text(variables, "PLATLIBDIR") or "lib"
    sources = Sources(
        version=text(variables, "VERSION") or "",
        place=Place(None, prefix, prefix, platlibdir),
        variables=variables,
        variables_path=wish.subject,
    )
    return decide(sources, wish)


def _absolute(path: str | None) -> str | None:
    is_sound = path is not None and path.startswith("/") and path.isprintable()
    return path if is_sound else None


def _refuse(path: str, sentence: str) -> NoReturn:
    raise EnvironmentRefusedError([Finding(codes.BAD_TARGET_INFO, path, sentence)])
