"""Where an interpreter that can't be asked keeps its packages: sysconfig's schemes, as far as profiles need them.

Source: CPython ``Lib/sysconfig.py`` (``_INSTALL_SCHEMES``), PyPy's, and Debian's patch of it
(``sysconfig-debian-schemes``); ``python -m installer`` for what ``--prefix`` replaces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wheelfix.targets._profile_rows import Profile

__all__ = ["profile_paths", "usual_prefix"]

#: where CPython's configure installs to if it is told nothing, and python.org's installer for all users
_DEFAULT_PREFIXES = {"windows": "C:/Program Files/Python{nodot}"}
_DEFAULT_PREFIX = "/usr/local"

_POSIX_PREFIX = {
    "purelib": "{base}/lib/{lib}/site-packages",
    "platlib": "{base}/lib/{lib}/site-packages",
    "scripts": "{base}/bin",
    "data": "{base}",
    "include": "{installed}/include/{include}",
    "headers": "{base}/include/{include}",
}
_POSIX_LOCAL = {
    "purelib": "{base}/local/lib/{lib}/dist-packages",
    "platlib": "{base}/local/lib/{lib}/dist-packages",
    "scripts": "{base}/local/bin",
    "data": "{base}/local",
    "include": "{installed}/include/{include}",
    "headers": "{base}/include/{include}",
}
_DEB_SYSTEM = {
    "purelib": "{base}/lib/python3/dist-packages",
    "platlib": "{base}/lib/python3/dist-packages",
    "scripts": "{base}/bin",
    "data": "{base}",
    "include": "{installed}/include/{include}",
    "headers": "{base}/include/{include}",
}
_NT = {
    "purelib": "{base}/Lib/site-packages",
    "platlib": "{base}/Lib/site-packages",
    "scripts": "{base}/Scripts",
    "data": "{base}",
    "include": "{installed}/Include",
    "headers": "{base}/Include",
}


def usual_prefix(profile: Profile) -> str:
    """Give the profile's prefix, or the one that builds of its kind have by default."""
    nodot = "".join((profile.version or "").split(".")[:2])
    default = _DEFAULT_PREFIXES.get(profile.system, _DEFAULT_PREFIX)
    return profile.prefix or default.format(nodot=nodot)


def profile_paths(
    profile: Profile, abi_flags: str, scheme: str | None, prefix: str | None
) -> tuple[dict[str, str], str]:
    """Compute the folders of a scheme, as asking would give them.

    :param abi_flags: ``sys.abiflags``.
    :param scheme: name of the scheme; None for the default one.
    :param prefix: stands in for base and platbase, as ``--prefix`` of installer; None for the profile's own.
    :return: folders by name, and the scheme's name.
    :raises EnvironmentRefusedError: WF507 if the profile has no such scheme.
    """
    schemes = _schemes(profile)
    if scheme is None:
        # with a prefix of one's own Debian's "local" would come on top of it: pip's locations/_sysconfig.py
        scheme = next(iter(schemes)) if prefix is None else list(schemes)[-1]
    if scheme not in schemes:
        sentence = f"it knows no scheme {scheme!r}, but these: {', '.join(schemes)}"
        raise EnvironmentRefusedError([Finding(codes.UNKNOWN_SCHEME, profile.id, sentence)])
    installed = usual_prefix(profile)
    short = ".".join((profile.version or "").split(".")[:2])
    name = "pypy" if profile.implementation == "pypy" else "python"
    lib = f"{name}{short}{'t' if profile.free_threaded else ''}"
    values = {
        "base": prefix or installed,
        "installed": installed,
        "lib": lib,
        "include": f"{name}{short}{abi_flags}",
    }
    paths = {key: text.format(**values) for key, text in schemes[scheme].items()}
    stdlib = f"{installed}/Lib" if profile.system == "windows" else f"{installed}/lib/{lib}"
    paths.update(platinclude=paths["include"], stdlib=stdlib, platstdlib=stdlib)
    return paths, scheme


def _schemes(profile: Profile) -> dict[str, Mapping[str, str]]:
    """Give the schemes, first the default one, and last the one that goes with a prefix."""
    if profile.system == "windows":
        return {"nt": _NT}
    if profile.scheme == "posix_local":
        return {
            "posix_local": _POSIX_LOCAL,
            "deb_system": _DEB_SYSTEM,
            "posix_prefix": _POSIX_PREFIX,
        }
    return {"posix_prefix": _POSIX_PREFIX}
