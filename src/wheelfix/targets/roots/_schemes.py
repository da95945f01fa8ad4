"""Installation schemes of an interpreter, from its sysconfig's source or by the table of CPython."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.targets.roots._sysconfig import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wheelfix.targets.roots._sources import Place

__all__ = ["SchemeTable", "compute_paths"]

_FIRST_WITH_VENV_SCHEME = (3, 11)
# Debian's patch sysconfig-debian-schemes
_FIRST_WITH_DEBIAN_SCHEMES = (3, 10)
_FIELD = re.compile(r"\{(\w+)\}")
_WHEEL_PATHS = ("purelib", "platlib", "scripts", "data", "include", "platinclude")
_STDLIB_PATHS = ("stdlib", "platstdlib")


class SchemeTable(NamedTuple):
    """The schemes of one interpreter.

    :param schemes: by name; empty where its own aren't known.
    :param version_info: of the language.
    :param flags: ``sys.abiflags``.
    :param implementation: ``sys.implementation.name``.
    :param is_debian: whether packages lie in Debian's dist-packages; asked where its own schemes aren't known.
    """

    schemes: Mapping[str, Mapping[str, str]]
    version_info: tuple[int, int]
    flags: str
    implementation: str
    is_debian: bool

    def names(self) -> list[str]:
        """List the schemes that can be computed: those of a home folder can't."""
        names = [name for name, paths in self._all().items() if not _needs_home(paths)]
        return sorted(name for name in names if not name.startswith("nt"))

    def paths_of(self, name: str) -> Mapping[str, str]:
        """Give the templates of one of the names."""
        return self._all()[name]

    def default(self, place: Place, prefix: str | None) -> str:
        """Name the scheme that is used where none is given (sysconfig.get_default_scheme; pip for a prefix)."""
        has_own_prefix = place.prefix != place.base_prefix
        names = self._all()
        if has_own_prefix and self.version_info >= _FIRST_WITH_VENV_SCHEME and "venv" in names:
            return "venv"
        if "posix_local" in names and not has_own_prefix and prefix is None:
            return "posix_local"
        return "posix_prefix"

    def _all(self) -> dict[str, Mapping[str, str]]:
        if not self.schemes:
            return self._of_cpython()
        schemes = dict(self.schemes)
        # sysconfig makes this one by an assignment of its own
        if "posix_venv" in schemes:
            schemes.setdefault("venv", schemes["posix_venv"])
        return schemes

    def _of_cpython(self) -> dict[str, Mapping[str, str]]:
        schemes: dict[str, Mapping[str, str]] = {
            "posix_prefix": _posix("/lib", "/{platlibdir}", "site-packages"),
            "posix_home": _HOME,
        }
        if self.is_debian and self.version_info >= _FIRST_WITH_DEBIAN_SCHEMES:
            schemes["posix_local"] = _posix("/local/lib", "/local/lib", "dist-packages", "/local")
            schemes["deb_system"] = {
                **_posix("/lib", "/lib", "dist-packages"),
                "purelib": "{base}/lib/python3/dist-packages",
                "platlib": "{platbase}/lib/python3/dist-packages",
            }
        if self.version_info >= _FIRST_WITH_VENV_SCHEME:
            schemes["posix_venv"] = schemes["venv"] = schemes["posix_prefix"]
        return schemes


def compute_paths(
    table: SchemeTable, place: Place, scheme: str, prefix: str | None
) -> dict[str, str]:
    """Compute the folders as asking gives them (``_facts._paths``).

    :param scheme: one of the table's names.
    :param prefix: folder that stands in for base and platbase; None for the interpreter's own.
    :raises UnreadableError: if a scheme's path is no absolute one, or holds what only a run would tell.
    """
    base = prefix or place.prefix
    major, minor = table.version_info
    known = {
        "installed_base": place.base_prefix,
        "installed_platbase": place.base_prefix,
        "py_version_short": f"{major}.{minor}",
        "py_version_nodot": f"{major}{minor}",
        "platlibdir": place.platlibdir,
        "abiflags": table.flags,
        "abi_thread": "t" if "t" in table.flags else "",
        "implementation_lower": "pypy" if table.implementation == "pypy" else "python",
    }
    variables = {**known, "base": base, "platbase": base}
    templates = table.paths_of(scheme)
    paths = {
        name: _expand(templates[name], variables) for name in _WHEEL_PATHS if name in templates
    }
    if not {"purelib", "platlib", "scripts", "data", "include"} <= paths.keys():
        raise UnreadableError(f"its scheme {scheme} lacks a path")
    of_base = {**known, "base": place.prefix, "platbase": place.prefix}
    paths["headers"] = _expand(templates["include"], {**of_base, "installed_base": base})
    usual = table.paths_of(table.default(place, None))
    paths.update((name, _expand(usual[name], of_base)) for name in _STDLIB_PATHS if name in usual)
    if "stdlib" not in paths:
        raise UnreadableError("its default scheme lacks stdlib")
    return paths


def _expand(template: str, variables: Mapping[str, str]) -> str:
    # not str.format: what the file says could ask for attributes, or for a width of a billion
    path = _FIELD.sub(lambda field: variables.get(field[1], field[0]), template)
    if not path.startswith("/") or any(each in path for each in "{}\0"):
        raise UnreadableError(f"its path {template} can't be computed")
    return posixpath.normpath("/" + path.lstrip("/"))


def _needs_home(paths: Mapping[str, str]) -> bool:
    return any("{userbase}" in each for each in paths.values())


def _posix(pure: str, plat: str, packages: str, local: str = "") -> dict[str, str]:
    python = "{implementation_lower}{py_version_short}{abi_thread}"
    header = "include/{implementation_lower}{py_version_short}{abiflags}"
    library = "lib" if local else "{platlibdir}"
    return {
        "stdlib": f"{{installed_base}}/{library}/{python}",
        "platstdlib": f"{{platbase}}/{library}/{python}",
        "purelib": f"{{base}}{pure}/{python}/{packages}",
        "platlib": f"{{platbase}}{plat}/{python}/{packages}",
        "include": f"{{installed_base}}/{header}",
        "platinclude": f"{{installed_platbase}}/{header}",
        "scripts": f"{{base}}{local}/bin",
        "data": f"{{base}}{local}",
    }


_HOME = {
    "stdlib": "{installed_base}/lib/{implementation_lower}",
    "platstdlib": "{base}/lib/{implementation_lower}",
    "purelib": "{base}/lib/{implementation_lower}",
    "platlib": "{base}/lib/{implementation_lower}",
    "include": "{installed_base}/include/{implementation_lower}",
    "platinclude": "{installed_base}/include/{implementation_lower}",
    "scripts": "{base}/bin",
    "data": "{base}",
}
