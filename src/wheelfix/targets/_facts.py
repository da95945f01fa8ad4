"""The questions that an interpreter answers about itself.

The running interpreter imports this module; another one gets its source as ``-c``. So it stays source
compatible with CPython 3.4 (older than supported ones shall be able to tell their version) and PyPy,
imports nothing but the standard library, and has no ``from __future__ import annotations`` (3.7).
"""

import importlib.machinery
import importlib.util
import os
import sys

__all__ = ["MARKER", "collect"]

#: the line before the answer; whatever a wrapper prints elsewhere is noise
MARKER = "== wheelfix facts 1 =="

_PATH_NAMES = ("purelib", "platlib", "scripts", "data", "include", "platinclude")
_STDLIB_PATH_NAMES = ("stdlib", "platstdlib")
_RELEASE_LEVELS = {"alpha": "a", "beta": "b", "candidate": "rc"}


def collect(scheme: "str | None", prefix: "str | None") -> "dict[str, object]":
    """Answer all questions.

    :param scheme: name of a sysconfig scheme; None for the interpreter's default.
    :param prefix: folder that stands in for base and platbase, as ``--prefix`` of installer; or None.
    :return: the facts, of types that JSON knows. ``schemes`` holds the known schemes, and there are no
        ``paths`` if the wanted one is not among them. ``error`` holds what sysconfig failed with, or None.
    """
    facts = {
        "implementation": sys.implementation.name,
        "version": _version(),
        "abi_flags": getattr(sys, "abiflags", ""),
        "cache_tag": sys.implementation.cache_tag,
        "magic": importlib.util.MAGIC_NUMBER.hex(),
        "extension_suffixes": list(importlib.machinery.EXTENSION_SUFFIXES),
        "platform": sys.platform,
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "machine": _machine(),
        "glibc_version": _glibc_version(),
        "executable": sys.executable or None,
        "process_executable": _process_executable(),
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        # what crossenv, Yocto and Buildroot export (CPython Lib/sysconfig, conda-forge's patch of it)
        "cross_build_variables": sorted(
            name for name in os.environ if name.startswith(("_PYTHON_", "_CONDA_PYTHON_"))
        ),
        "error": None,
    }  # type: dict[str, object]
    try:
        facts.update(_of_sysconfig(scheme, prefix))
    except (ImportError, AttributeError) as error:
        # _PYTHON_SYSCONFIGDATA_NAME names a module that isn't there, or holds no build_time_vars
        facts["error"] = str(error)
    return facts


def _of_sysconfig(scheme: "str | None", prefix: "str | None") -> "dict[str, object]":
    # imported late: see adopt_virtual_environment
    import sysconfig

    pymalloc = sysconfig.get_config_var("WITH_PYMALLOC")
    return {
        "soabi": sysconfig.get_config_var("SOABI"),
        "extension_suffix": sysconfig.get_config_var("EXT_SUFFIX"),
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "debug": _is_debug(sysconfig.get_config_var("Py_DEBUG")),
        # Windows doesn't set it: packaging.tags._cpython_abis
        "pymalloc": bool(pymalloc is None or pymalloc),
        "schemes": list(sysconfig.get_scheme_names()),
        "scheme": _scheme(scheme, prefix),
        "paths": _paths(scheme, prefix),
    }


def _scheme(scheme: "str | None", prefix: "str | None") -> str:
    import sysconfig

    if scheme is not None:
        return scheme
    try:
        default = sysconfig.get_default_scheme()  # 3.10
    except AttributeError:
        default = sysconfig._get_default_scheme()  # type: ignore[attr-defined]  # noqa: SLF001 - so until 3.9
    # both would add folders of their own ("local") to the prefix: pip's locations/_sysconfig.py
    if prefix is not None and default in ("posix_local", "osx_framework_library"):
        return "posix_prefix"
    return str(default)


def _paths(scheme: "str | None", prefix: "str | None") -> "dict[str, str] | None":
    """Compute the folders as installer.__main__._get_scheme_dict does."""
    import sysconfig

    name = _scheme(scheme, prefix)
    if name not in sysconfig.get_scheme_names():
        return None
    base = sysconfig.get_config_var("base") if prefix is None else prefix
    variables = {} if prefix is None else {"base": prefix, "platbase": prefix}
    known = sysconfig.get_paths(name, vars=dict(variables))
    paths = {key: known[key] for key in _PATH_NAMES if key in known}
    paths["headers"] = sysconfig.get_path("include", name, vars={"installed_base": base})
    # where the standard library lies is not up to the scheme that wheels are installed by
    paths.update((key, sysconfig.get_path(key)) for key in _STDLIB_PATH_NAMES)
    return paths


def _version() -> str:
    level = _RELEASE_LEVELS.get(sys.version_info.releaselevel)
    text = ".".join(str(part) for part in sys.version_info[:3])
    return text if level is None else text + level + str(sys.version_info.serial)


def _is_debug(configured: "int | None") -> bool:
    """Windows doesn't set Py_DEBUG: packaging.tags._cpython_abis."""
    if configured is not None:
        return bool(configured)
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    return hasattr(sys, "gettotalrefcount") or "_d.pyd" in suffixes


def _machine() -> str:
    try:
        return os.uname().machine
    except AttributeError:
        import platform

        return platform.machine()


def _glibc_version() -> "str | None":
    """Ask glibc itself; other libcs don't know this name."""
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        return None
    return text.split()[-1] if text else None


def _process_executable() -> "str | None":
    """Name the file that the kernel runs; sys.executable may be what a wrapper pretends (``exec -a``)."""
    try:
        return os.readlink("/proc/self/exe")
    except OSError:
        return None


def adopt_virtual_environment() -> None:
    """Set sys.prefix as site.py's venv() does, which -S leaves out.

    sysconfig takes sys.prefix when it is imported, so this comes first. Since CPython 3.14 getpath.py does it,
    whatever the options.
    """
    if not sys.executable or sys.version_info >= (3, 14):
        return
    folder = os.path.dirname(os.path.abspath(sys.executable))
    above = os.path.dirname(folder)
    for place in (folder, above):
        if os.path.isfile(os.path.join(place, "pyvenv.cfg")):
            sys.prefix = sys.exec_prefix = above
            return


def main() -> None:
    """Print the marker and the facts as one line of JSON; the arguments are JSON as well."""
    import json

    adopt_virtual_environment()
    scheme, prefix = json.loads(sys.argv[1])
    sys.stdout.write("\n" + MARKER + "\n" + json.dumps(collect(scheme, prefix)) + "\n")


if __name__ == "__main__":
    main()
