"""File names of extension modules: what the name claims, and which interpreter imports it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ExtensionName", "loads_under"]

# .so: POSIX; .pyd: Windows, GraalPy; .dll: Cygwin; .fwork: iOS (PEP 730); .sl: HP-UX; .dylib:
# GraalPy 22.3 and 23.0 on macOS
_EXTENSIONS = (".so", ".pyd", ".dll", ".fwork", ".sl", ".dylib")

# What may stand between two dots. Each alternative begins differently and none repeats a group, so
# matching takes time in proportion to the length.
_ABI = re.compile(
    r"""
    (?P<abi>
        # CPython configure.ac, SOABI: cpython-<XY><ABIFLAGS>[-<PLATFORM_TRIPLET>]
        (?P<cpython> cpython-(?P<cpython_version>[0-9]{2,4})(?P<cpython_flags>[a-z]*) )
        # Python/dynload_win.c: cp<XY>[t]-<PYD_PLATFORM_TAG>
      | (?P<windows> cp(?P<windows_version>[0-9]{2,4})(?P<windows_flags>[a-z]*) )
        # PEP 384 and PEP 803; with a platform part since 3.15 (gh-152461) and on Debian since 3.13
      | (?P<stable> abi3t? )
        # PyPy interp_imp.py: pypy<XY>-pp<MN>-<multiarch>; before 7.2 pypy3-71-<multiarch>
      | (?P<pypy> pypy(?P<pypy_version>[0-9]{0,4})-(?:pp)?[0-9]{1,4} )
        # GraalPy: graalpy<GV>-<XY>-native-<arch>-<os>; before 22 graalpython-<XY>-native-...
      | (?P<graalpy> graalpy(?:thon)?[0-9]{0,4}-(?P<graalpy_version>[0-9]{2,4})-[a-z0-9_]+ )
    )
    (?: - (?P<platform> [^.]+ ) )?
    """,
    re.VERBOSE,
)

_IMPLEMENTATIONS = {
    "cpython": "cpython",
    "windows": "cpython",
    "stable": "cpython",
    "pypy": "pypy",
    "graalpy": "graalpy",
}


@dataclass(frozen=True)
class ExtensionName:
    """The file name of an extension module, taken apart.

    The name is a claim, no proof. What it says is kept as it stands, a platform part that no table
    knows too, so that ``ExtensionName.parse(name).filename == name`` always holds.

    :param stem: the module's own name, up to the first dot; no dot in it. Empty for a suffix alone.
    :param implementation: "cpython", "pypy" or "graalpy"; None where the name doesn't say. abi3
        and abi3t are "cpython": neither PyPy nor GraalPy imports them.
    :param abi: the ABI without the platform part: "cpython-39", "cp311", "abi3", "abi3t",
        "pypy39-pp73", "graalpy250-312-native"; None for a bare name.
    :param platform: the platform part ("x86_64-linux-gnu", "win_amd64"), or None.
    :param extension: ".so", ".pyd", ".dll", ".fwork", ".sl" or ".dylib".
    :param windows_debug: whether ``_d`` stands before the suffix. A release build's module that is
        really called ``foo_d`` looks the same; only the target's suffixes tell (:func:`loads_under`).
    """

    stem: str
    implementation: str | None
    abi: str | None
    platform: str | None
    extension: str
    windows_debug: bool = False

    @classmethod
    def parse(cls, filename: str) -> ExtensionName | None:
        """Take a file name (a base name, without folders) apart.

        :return: None if it isn't the name of an extension module: ``libfoo.so.5``, ``foo.py``,
            ``a.b.so``.
        """
        # a file called _d.pyd can only be a module called _d
        debug_marker = "" if filename.startswith("_d.") else "_d"
        name = _parse(filename, debug_marker)
        return name if name and name.stem else None

    @classmethod
    def parse_suffix(cls, suffix: str) -> ExtensionName | None:
        """Take one entry of an interpreter's ``EXTENSION_SUFFIXES`` apart; the stem is empty.

        :return: None if the form is unknown, or more than a suffix.
        """
        name = _parse(suffix, "_d")
        return name if name and not name.stem else None

    def with_suffix(self, suffix: str) -> ExtensionName:
        """Give the same module the name that it has under another suffix.

        :param suffix: one that :meth:`parse_suffix` knows.
        :raises ValueError: if it doesn't.
        """
        name = self.parse_suffix(suffix)
        if name is None:
            raise ValueError(f"{suffix!r} is no suffix of extension modules")
        return replace(name, stem=self.stem)

    @property
    def suffix(self) -> str:
        """Everything after the stem: ``.cpython-39-x86_64-linux-gnu.so``, ``_d.cp313-win32.pyd``."""
        parts = "-".join(part for part in (self.abi, self.platform) if part is not None)
        return (
            ("_d" if self.windows_debug else "") + (f".{parts}" if parts else "") + self.extension
        )

    @property
    def filename(self) -> str:
        """Stem and suffix."""
        return self.stem + self.suffix

    @property
    def python_version(self) -> tuple[int, int] | None:
        """The Python version that the ABI names, as (major, minor); None where it names none."""
        found = self._match()
        digits = found and (
            found["cpython_version"]
            or found["windows_version"]
            or found["pypy_version"]
            or found["graalpy_version"]
        )
        # PyPy 7.1 and older say pypy3
        return (int(digits[0]), int(digits[1:])) if digits and len(digits) > 1 else None

    @property
    def abi_flags(self) -> str:
        """CPython's ABIFLAGS as they stand ("t", "d", "td", "m", "dm"); elsewhere and for abi3 "".

        Windows has no "d" here: there :attr:`windows_debug` says it.
        """
        found = self._match()
        return (found["cpython_flags"] or found["windows_flags"] or "") if found else ""

    @property
    def is_stable_abi(self) -> bool:
        """Whether the name says abi3 or abi3t."""
        return self.abi in {"abi3", "abi3t"}

    @property
    def is_bare(self) -> bool:
        """Whether the name says nothing but ``.so`` (or ``.pyd``, ``.dll``)."""
        return self.abi is None

    def _match(self) -> re.Match[str] | None:
        return None if self.abi is None else _ABI.fullmatch(self.abi)


def loads_under(filename: str, extension_suffixes: Iterable[str]) -> bool:
    """Say whether an import finds this file as an extension module under any of the suffixes.

    As importlib's ``FileFinder.find_spec`` looks for ``<name><suffix>`` for each suffix, where the
    name is the last part of the module's and so has no dot.

    :param filename: a base name.
    :param extension_suffixes: ``importlib.machinery.EXTENSION_SUFFIXES`` of the target.
    """
    for suffix in extension_suffixes:
        if filename.endswith(suffix):
            module = filename[: len(filename) - len(suffix)]
            if module and "." not in module:
                return True
    return False


def _parse(text: str, debug_marker: str) -> ExtensionName | None:
    head, _, rest = text.partition(".")
    tag, dot, last = rest.rpartition(".")
    extension = f".{last}"
    if extension not in _EXTENSIONS or "/" in text:
        return None
    stem = head.removesuffix(debug_marker) if extension == ".pyd" else head
    name = ExtensionName(stem, None, None, None, extension, windows_debug=stem != head)
    if not dot:
        return name
    found = _ABI.fullmatch(tag)
    if found is None or (found["windows"] and extension != ".pyd"):
        return None
    implementation = next(_IMPLEMENTATIONS[kind] for kind in _IMPLEMENTATIONS if found[kind])
    return replace(
        name, implementation=implementation, abi=found["abi"], platform=found["platform"]
    )
