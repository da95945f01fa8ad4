"""From what an interpreter said of itself to a Target, or to a refusal."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.targets._target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wheelfix.targets.executables import Executable

__all__ = ["build_target", "is_complete"]

_AS_ANSWERED = (
    "implementation",
    "version",
    "abi_flags",
    "soabi",
    "cache_tag",
    "magic",
    "machine",
    "free_threaded",
    "debug",
    "paths",
    "executable",
    "prefix",
    "base_prefix",
)

#: answers that only go into others
_BESIDE = (
    "extension_suffixes",
    "platform",
    "bits",
    "cross_build_variables",
    "error",
    "process_executable",
)
_OF_SYSCONFIG = {
    "soabi",
    "free_threaded",
    "debug",
    "paths",
    "scheme",
    "schemes",
    "pymalloc",
    "extension_suffix",
}


def is_complete(facts: Mapping[str, Any]) -> bool:
    """Say whether all questions were answered, those to sysconfig only if it could be read."""
    wanted = {*_AS_ANSWERED, *_BESIDE, *_OF_SYSCONFIG}
    if facts.get("error") is not None:
        wanted -= _OF_SYSCONFIG
    return wanted <= facts.keys()


def build_target(facts: Mapping[str, Any], prefix: str | None) -> Target:
    """Make a target of the facts.

    :param facts: what :func:`wheelfix.targets._facts.collect` gave.
    :param prefix: the prefix that the paths were asked for.
    :raises EnvironmentRefusedError: if the interpreter describes another one (WF502), or has no such scheme (WF507).
    """
    _check_describes_itself(facts)
    if facts["paths"] is None:
        known = ", ".join(facts["schemes"])
        sentence = f"it knows no scheme {facts['scheme']!r}, but these: {known}"
        raise EnvironmentRefusedError([Finding(codes.UNKNOWN_SCHEME, _subject(facts), sentence)])
    answered = {name: facts[name] for name in _AS_ANSWERED}
    answered["extension_suffixes"] = tuple(facts["extension_suffixes"])
    return Target._deferred(answered, partial(_deferred_facts, dict(facts), prefix))  # noqa: SLF001 - one room


def _check_describes_itself(facts: Mapping[str, Any]) -> None:
    """Refuse an interpreter whose EXT_SUFFIX is not one that it loads.

    sysconfig takes its values from the module that _PYTHON_SYSCONFIGDATA_NAME names, so in a cross build it
    describes the machine built for, while the list of suffixes is compiled in. SOABI itself proves nothing: on
    pkgsrc EXT_SUFFIX is ".so" and on Cygwin the list is ".dll" alone, whatever SOABI says.
    """
    suffixes = facts["extension_suffixes"]
    if facts["error"] is not None:
        trouble = f"its sysconfig can't be read ({facts['error']})"
    else:
        suffix = facts["extension_suffix"]
        has_tagged = any(_is_tagged(each) for each in suffixes)
        if not has_tagged or suffix is None or suffix in suffixes:
            return
        trouble = f"its sysconfig says {suffix}, but it loads {', '.join(suffixes)}"
    variables = facts["cross_build_variables"]
    if variables:
        cause = f"set in its environment: {', '.join(variables)}"
    elif facts["error"] is not None:
        raise EnvironmentRefusedError([Finding(codes.CANNOT_ASK, _subject(facts), trouble)])
    else:
        cause = "no _PYTHON_ variable is set that would explain it"
    raise EnvironmentRefusedError(
        [Finding(codes.CROSS_BUILD_VARIABLES, _subject(facts), f"{trouble}; {cause}")]
    )


def _is_tagged(suffix: str) -> bool:
    """Say whether a suffix names an interpreter, as ".cpython-39-…so" and ".cp39-win_amd64.pyd" do."""
    return suffix.count(".") > 1 and not suffix.startswith(".abi3")


def _subject(facts: Mapping[str, Any]) -> str:
    return str(facts["executable"] or facts["implementation"])


def _deferred_facts(facts: Mapping[str, Any], prefix: str | None) -> dict[str, Any]:
    from wheelfix.targets._tags import accepted_tags, platform_tags

    executable = _executable(facts)
    libc, libc_source = _libc(facts, executable)
    libc_version, version_source = _libc_version(facts, executable, libc)
    major, minor = facts["version"].split(".")[:2]
    platforms = platform_tags(facts, executable, libc, libc_version)
    suffixes_exist = bool(facts["extension_suffixes"])
    is_static = executable is not None and executable.is_static
    return {
        "tags": accepted_tags(facts, (int(major), int(minor)), platforms),
        "platform_triplet": _platform_triplet(facts["extension_suffix"]),
        "libc": libc,
        "libc_version": libc_version,
        "libpython": None if executable is None else _libpython(executable),
        "architecture": None if executable is None else executable.architecture,
        "loads_extension_modules": suffixes_exist and not is_static,
        "evidence": {
            **_plain_evidence(facts, prefix),
            "libc": libc_source,
            "libc_version": version_source,
            **_executable_evidence(executable),
        },
    }


def _executable(facts: Mapping[str, Any]) -> Executable | None:
    """Read sys.executable, or if that is no ELF file (a wrapper's pretence) what the kernel runs."""
    from wheelfix.targets.executables import read_executable

    for name in ("executable", "process_executable"):
        executable = read_executable(facts[name]) if facts[name] else None
        if executable is not None:
            return executable
    return None


def _libc(facts: Mapping[str, Any], executable: Executable | None) -> tuple[str | None, str]:
    told = None if executable is None else executable.libc_and_evidence()
    if told is not None:
        return told
    if facts["glibc_version"] is not None:
        return "glibc", "confstr CS_GNU_LIBC_VERSION"
    if executable is not None and executable.is_static:
        return None, f"{executable.path} is static, and nothing else tells"
    return None, "nothing tells"


def _libc_version(
    facts: Mapping[str, Any], executable: Executable | None, libc: str | None
) -> tuple[str | None, str]:
    from wheelfix.targets.executables import musl_version

    if libc == "glibc" and facts["glibc_version"] is not None:
        return facts["glibc_version"], "confstr CS_GNU_LIBC_VERSION"
    loader = None if executable is None else executable.interpreter
    if libc == "musl" and loader is not None:
        return musl_version(loader), f"text in {loader}"
    return None, "nothing tells"


def _libpython(executable: Executable) -> str:
    return "static" if executable.libpython is None else "shared"


def _platform_triplet(extension_suffix: str | None) -> str | None:
    from wheelfix.naming import ExtensionName

    if extension_suffix is None:
        return None
    name = ExtensionName.parse_suffix(extension_suffix)
    return None if name is None else name.platform


def _plain_evidence(facts: Mapping[str, Any], prefix: str | None) -> dict[str, str]:
    scheme = f"sysconfig scheme {facts['scheme']}"
    return {
        "implementation": "sys.implementation.name",
        "version": "sys.version_info",
        "abi_flags": "sys.abiflags",
        "soabi": "sysconfig SOABI",
        "cache_tag": "sys.implementation.cache_tag",
        "magic": "importlib.util.MAGIC_NUMBER",
        "extension_suffixes": "importlib.machinery",
        "tags": "packaging's rules",
        "platform_triplet": f"sysconfig EXT_SUFFIX {facts['extension_suffix']}",
        "machine": "uname",
        "free_threaded": "sysconfig Py_GIL_DISABLED",
        "debug": "sysconfig Py_DEBUG",
        "paths": scheme if prefix is None else f"{scheme}, prefix {prefix}",
        "executable": "sys.executable",
        "prefix": "sys.prefix",
        "base_prefix": "sys.base_prefix",
    }


def _executable_evidence(executable: Executable | None) -> dict[str, str]:
    if executable is None:
        names = ("libpython", "architecture")
        evidence = dict.fromkeys(names, "the executable is not a readable ELF file")
        return {**evidence, "loads_extension_modules": "importlib.machinery"}
    needed = executable.libpython or "no libpython"
    how = "static" if executable.is_static else "dynamic"
    return {
        "libpython": f"{needed} in DT_NEEDED of {executable.path}",
        "architecture": f"ELF header of {executable.path}",
        "loads_extension_modules": f"importlib.machinery, and {executable.path} is {how}",
    }
