"""The value object: one interpreter."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wheelfix.platforms import ElfArchitecture

__all__ = ["DEFERRED", "SCHEMA", "Target"]

#: version of what :meth:`Target.to_json` gives
SCHEMA = 1


@dataclass(frozen=True)
class Target:
    """One interpreter: what it loads, and where it keeps its packages.

    Two targets are equal when all but their evidence is.

    :param implementation: ``sys.implementation.name``: "cpython", "pypy", "graalpy".
    :param version: of the Python language, as ``platform.python_version()`` writes it: "3.9.2", "3.15.0rc2".
    :param abi_flags: ``sys.abiflags``: "", "t", "d", "td", "m"; empty on Windows.
    :param soabi: sysconfig's SOABI, "cpython-39-x86_64-linux-gnu"; None where there is none.
    :param cache_tag: ``sys.implementation.cache_tag``, the middle part of .pyc files' names.
    :param magic: ``importlib.util.MAGIC_NUMBER``, the first four bytes of .pyc files, in hexadecimal.
    :param extension_suffixes: ``importlib.machinery.EXTENSION_SUFFIXES``, in that order, which is the order
        of the search.
    :param tags: the wheel tags that it accepts, best first, as strings "cp39-cp39-musllinux_1_2_x86_64"
        (packaging's ``sys_tags``).
    :param platform_triplet: the platform part of EXT_SUFFIX, "x86_64-linux-gnu" (PLATFORM_TRIPLET of CPython's
        configure); None where it has none.
    :param libc: "glibc", "musl", "uclibc" or "bionic", by PT_INTERP and DT_NEEDED of the executable; None on
        systems with no choice of libc, and where nothing tells it.
    :param libc_version: "2.36" as glibc says, "1.2.5" as stands in musl's loader; None for other libcs.
    :param machine: the kernel's name of the machine (``uname -m``): "x86_64", "armv8l".
    :param free_threaded: sysconfig's Py_GIL_DISABLED (PEP 703).
    :param debug: sysconfig's Py_DEBUG; where that isn't set (Windows), as packaging tells it.
    :param paths: folders by name: purelib, platlib, scripts, data, headers (without the distribution's name),
        include, platinclude, stdlib, platstdlib; from sysconfig, as ``python -m installer`` computes them.
    :param libpython: "shared" if the executable needs libpython by DT_NEEDED, else "static"; None where the
        executable isn't an ELF file.
    :param executable: ``sys.executable``, links not resolved: scripts of a virtual environment name it so.
    :param prefix: ``sys.prefix``, of a virtual environment its folder.
    :param base_prefix: ``sys.base_prefix``.
    :param architecture: what code the executable holds, from its ELF header; None where it isn't an ELF file.
    :param loads_extension_modules: False for a fully static executable, and where the list of suffixes is empty.
    :param evidence: by name of the fact, where it came from.
    """

    implementation: str
    version: str
    abi_flags: str
    soabi: str | None
    cache_tag: str | None
    magic: str | None
    extension_suffixes: tuple[str, ...]
    tags: tuple[str, ...]
    platform_triplet: str | None
    libc: str | None
    libc_version: str | None
    machine: str
    free_threaded: bool
    debug: bool
    paths: Mapping[str, str] = field(hash=False)
    libpython: str | None
    executable: str | None
    prefix: str | None
    base_prefix: str | None
    architecture: ElfArchitecture | None
    loads_extension_modules: bool = True
    evidence: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        """Make the mappings read-only."""
        for name in ("paths", "evidence"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def version_info(self) -> tuple[int, int]:
        """Major and minor version."""
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)

    @property
    def tags_for_any_platform(self) -> tuple[str, ...]:
        """Those of the tags that end in "-none-any", best first, without working out the others.

        Source: packaging.tags.compatible_tags, sys_tags.
        """
        major, minor = self.version_info
        interpreter = {"cpython": [f"cp{major}{minor}"], "pypy": ["pp3"]}.get(
            self.implementation, []
        )
        pythons = [f"py{major}{minor}", f"py{major}"]
        pythons += [f"py{major}{older}" for older in range(minor - 1, -1, -1)]
        return tuple(f"{python}-none-any" for python in interpreter + pythons)

    def to_json(self) -> dict[str, Any]:
        """Give all facts as types that JSON knows; "schema" comes first and tells the version of the format."""
        architecture = self.architecture
        return {
            "schema": SCHEMA,
            "implementation": self.implementation,
            "version": self.version,
            "abi_flags": self.abi_flags,
            "soabi": self.soabi,
            "cache_tag": self.cache_tag,
            "magic": self.magic,
            "extension_suffixes": list(self.extension_suffixes),
            "tags": list(self.tags),
            "platform_triplet": self.platform_triplet,
            "libc": self.libc,
            "libc_version": self.libc_version,
            "machine": self.machine,
            "free_threaded": self.free_threaded,
            "debug": self.debug,
            "paths": dict(self.paths),
            "libpython": self.libpython,
            "executable": self.executable,
            "prefix": self.prefix,
            "base_prefix": self.base_prefix,
            "architecture": None if architecture is None else dict(vars(architecture)),
            "loads_extension_modules": self.loads_extension_modules,
            "evidence": dict(self.evidence),
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle all facts: neither the read-only mappings nor what works out the deferred facts can be."""
        facts = {each.name: getattr(self, each.name) for each in fields(self)}
        return _rebuilt, ({**facts, "paths": dict(self.paths), "evidence": dict(self.evidence)},)

    @classmethod
    def _deferred(cls, known: Mapping[str, Any], load: Callable[[], Mapping[str, Any]]) -> Target:
        """Make a target whose :data:`DEFERRED` facts are worked out when one of them is first read.

        :param known: all other facts.
        :param load: gives the deferred facts; called once, or never.
        """
        target = cls.__new__(cls)
        target.__dict__.update(known, paths=MappingProxyType(dict(known["paths"])), _load=load)
        return target


def _rebuilt(facts: dict[str, Any]) -> Target:
    return Target(**facts)


class _Deferred:
    """Stands on the class in the place of a deferred fact; the value goes into the instance and hides it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, target: Target | None, _owner: type[Target]) -> Any:
        if target is None:
            return self
        facts = dict(target.__dict__["_load"]())
        target.__dict__.update(facts, evidence=MappingProxyType(dict(facts["evidence"])))
        return target.__dict__[self._name]


#: facts that cost a look into the executable or the import of packaging.tags (some 50 ms together), which a wheel
#: without extension modules doesn't need
DEFERRED = (
    "tags",
    "platform_triplet",
    "libc",
    "libc_version",
    "libpython",
    "architecture",
    "loads_extension_modules",
    "evidence",
)

for _name in DEFERRED:
    setattr(Target, _name, _Deferred(_name))
