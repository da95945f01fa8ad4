"""What sysconfig would say, from its files: read as literals, never run."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "UnreadableError",
    "Variables",
    "flag",
    "parse_json_variables",
    "parse_schemes",
    "parse_sysconfigdata",
    "text",
]

#: sysconfig's variables
Variables = dict[str, Union[str, int]]

_IS_NO_LITERAL = "it is code and no literal, as PyPy's is; it is never run"


class UnreadableError(Exception):
    """A file says nothing that can be read without running it."""


def parse_sysconfigdata(source: str) -> Variables:
    """Read ``_sysconfigdata_*.py``, which assigns one literal dictionary to build_time_vars.

    Source: CPython Lib/sysconfig ``_generate_posix_vars``.

    :raises UnreadableError: if there is no such literal.
    """
    return _variables(_assigned_literal(source, "build_time_vars"))


def parse_json_variables(source: str) -> Variables:
    """Read ``_sysconfig_vars_*.json``, the twin of 3.14 and newer.

    :raises UnreadableError: if it holds no object.
    """
    try:
        return _variables(json.loads(source))
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"it is no JSON: {error}") from None


def parse_schemes(source: str) -> dict[str, dict[str, str]]:
    """Read the installation schemes from sysconfig's own source (_INSTALL_SCHEMES), as distributions patch them.

    :raises UnreadableError: if it assigns no literal of that form.
    """
    schemes = _assigned_literal(source, "_INSTALL_SCHEMES")
    if not isinstance(schemes, dict):
        raise UnreadableError("its _INSTALL_SCHEMES is no dictionary")
    for name, paths in schemes.items():
        if not isinstance(name, str) or not _is_text_mapping(paths):
            raise UnreadableError("its _INSTALL_SCHEMES holds other things than paths")
    return schemes


def text(variables: Mapping[str, Any], name: str) -> str | None:
    """Give a variable that is text; None where it is unset, 0 or empty.

    configure writes ALT_SOABI with its double quotes.
    """
    value = variables.get(name)
    return value.strip('"') or None if isinstance(value, str) else None


def flag(variables: Mapping[str, Any], name: str) -> bool | None:
    """Give a variable that is a switch; None where it isn't there."""
    value = variables.get(name)
    return None if value is None else value not in (0, "", "0")


def _assigned_literal(source: str, name: str) -> Any:
    # the assignment alone is parsed: what stands around it may be newer syntax than this interpreter's
    found = re.search(rf"^{name}\s*=\s*(?=\{{)", source, re.MULTILINE)
    if found is None:
        raise UnreadableError(_IS_NO_LITERAL)
    literal = _up_to_its_end(source, found.end())
    try:
        return ast.literal_eval(literal)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise UnreadableError(_IS_NO_LITERAL) from None


def _up_to_its_end(source: str, start: int) -> str:
    """Cut a literal out: up to the first line that begins with no space and isn't its closing bracket."""
    end = re.compile(r"^(?![\s#}])", re.MULTILINE).search(source, start)
    return source[start:] if end is None else source[start : end.start()]


def _variables(value: Any) -> Variables:
    if not isinstance(value, dict):
        raise UnreadableError("it holds no dictionary")
    return {
        name: each
        for name, each in value.items()
        if isinstance(name, str) and isinstance(each, (str, int))
    }


def _is_text_mapping(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(each, str) for pair in value.items() for each in pair
    )
