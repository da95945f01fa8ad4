"""Which wheel tags an interpreter accepts, by packaging's rules but for any interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wheelfix.targets.executables import Executable

__all__ = ["accepted_tags", "platform_tags"]

_FIRST_FREE_THREADED = (3, 13)
_LAST_WITH_PYMALLOC_FLAG = (3, 7)


def accepted_tags(
    facts: Mapping[str, Any], version_info: tuple[int, int], platforms: Sequence[str]
) -> tuple[str, ...]:
    """List the tags that the interpreter accepts, best first (packaging.tags.sys_tags).

    :param facts: what the interpreter said of itself.
    :param platforms: the platform tags that it accepts, at least one.
    """
    from packaging.tags import (
        INTERPRETER_SHORT_NAMES,
        compatible_tags,
        cpython_tags,
        generic_tags,
    )

    name = INTERPRETER_SHORT_NAMES.get(facts["implementation"], facts["implementation"])
    nodot = "".join(map(str, version_info))
    if name == "cp":
        own = cpython_tags(version_info, _cpython_abis(facts, version_info), platforms)
        common = compatible_tags(version_info, f"cp{nodot}", platforms)
    else:
        own = generic_tags(f"{name}{nodot}", _generic_abis(facts["extension_suffix"]), platforms)
        common = compatible_tags(version_info, "pp3" if name == "pp" else None, platforms)
    return tuple(str(tag) for tags in (own, common) for tag in tags)


def platform_tags(
    facts: Mapping[str, Any],
    executable: Executable | None,
    libc: str | None,
    libc_version: str | None,
) -> list[str]:
    """List the platform tags that the interpreter accepts, best first (packaging.tags.platform_tags).

    Only on Linux do they differ between interpreters of one machine; elsewhere they are those of this machine.
    """
    if facts["platform"] != "linux":
        from packaging.tags import platform_tags as host_platform_tags

        return list(host_platform_tags())
    from wheelfix.platforms import linux_platform_tags, tag_architectures

    architectures = tag_architectures(facts["machine"], facts["bits"])
    architecture = None if executable is None else executable.architecture
    # never empty, which packaging would take for "those of the host"
    return linux_platform_tags(architectures, libc, libc_version, architecture)


def _cpython_abis(facts: Mapping[str, Any], version_info: tuple[int, int]) -> list[str]:
    """List the ABI tags as packaging.tags._cpython_abis does."""
    threading = "t" if version_info >= _FIRST_FREE_THREADED and facts["free_threaded"] else ""
    debug = "d" if facts["debug"] else ""
    python = "cp" + "".join(map(str, version_info)) + threading
    if version_info <= _LAST_WITH_PYMALLOC_FLAG:
        return [python + debug + ("m" if facts["pymalloc"] else "")]
    # since 3.8 a debug build loads modules of a release build too
    return [python + debug, python] if debug else [python]


def _generic_abis(extension_suffix: str | None) -> list[str]:
    """List the ABI tags as packaging.tags._generic_abi does for PyPy and GraalPy."""
    parts = (extension_suffix or "").split(".")
    if len(parts) < 3:  # noqa: PLR2004 - "", SOABI and "so"
        return []
    words = parts[1].split("-")
    if words[0].startswith("pypy"):
        words = words[:2]
    elif words[0].startswith("graalpy"):
        words = words[:3]
    return ["_".join(words).replace(" ", "_")]
