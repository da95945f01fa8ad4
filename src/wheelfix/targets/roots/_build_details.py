"""build-details.json (PEP 739), which CPython has from 3.14 on."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from wheelfix.targets.roots._sysconfig import UnreadableError

__all__ = ["BuildDetails", "parse_build_details"]


class BuildDetails(NamedTuple):
    """What a build-details.json says; None and empty for what it doesn't.

    A cross build writes the building interpreter's flags and suffixes (cpython issue 136267), and one with a static
    libpython has no ``abi.extension_suffix``.

    :param base_prefix: "/usr".
    :param base_interpreter: path of the executable.
    :param platform: "linux-x86_64".
    :param version: of the language and of CPython alike: "3.14.2".
    :param implementation: "cpython".
    :param cache_tag: "cpython-314".
    :param abi_flags: "" or those of "td" that hold.
    :param extension_suffix: ``abi.extension_suffix``.
    :param extension_suffixes: ``suffixes.extensions``, in the order of the search.
    """

    base_prefix: str | None
    base_interpreter: str | None
    platform: str | None
    version: str | None
    implementation: str | None
    cache_tag: str | None
    abi_flags: str | None
    extension_suffix: str | None
    extension_suffixes: tuple[str, ...]


_LEVELS = {"alpha": "a", "beta": "b", "candidate": "rc", "final": ""}


def parse_build_details(source: str) -> BuildDetails:
    """Read the file; members that are missing or of another type count as not said.

    :raises UnreadableError: if it is no JSON object, or of a schema version other than 1.
    """
    try:
        details = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"it is no JSON: {error}") from None
    if not isinstance(details, dict) or "language" not in details:
        raise UnreadableError("it is no build-details.json: it holds no language")
    if str(details.get("schema_version", "1")).split(".")[0] != "1":
        raise UnreadableError("it has a schema version other than 1, the only one known here")
    implementation = _section(details, "implementation")
    abi = _section(details, "abi")
    flags = abi.get("flags")
    suffixes = _section(details, "suffixes").get("extensions")
    return BuildDetails(
        base_prefix=_text(details, "base_prefix"),
        base_interpreter=_text(details, "base_interpreter"),
        platform=_text(details, "platform"),
        version=_version(details),
        implementation=_text(implementation, "name"),
        cache_tag=_text(implementation, "cache_tag"),
        abi_flags="".join(map(str, flags)) if isinstance(flags, list) else None,
        extension_suffix=_text(abi, "extension_suffix"),
        extension_suffixes=_texts(suffixes),
    )


def _version(details: dict[str, Any]) -> str | None:
    for section in ("implementation", "language"):
        # in "implementation" it is the object itself, in "language" it has a name of its own
        for name in ("version", "version_info"):
            info = _section(_section(details, section), name)
            numbers = [info.get(part) for part in ("major", "minor", "micro")]
            level = info.get("releaselevel", "final")
            if all(type(number) is int for number in numbers) and level in _LEVELS:
                serial = "" if level == "final" else str(info.get("serial", 0))
                return ".".join(map(str, numbers)) + _LEVELS[level] + serial
    return _text(_section(details, "language"), "version")


def _section(details: dict[str, Any], name: str) -> dict[str, Any]:
    section = details.get(name)
    return section if isinstance(section, dict) else {}


def _text(section: dict[str, Any], name: str) -> str | None:
    value = section.get(name)
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> tuple[str, ...]:
    is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return tuple(value) if is_list else ()
