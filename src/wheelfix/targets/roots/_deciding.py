"""From what an interpreter's files say to a Target: one fact after the other, the most trustworthy source first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.targets._target import Target
from wheelfix.targets.roots import _claims
from wheelfix.targets.roots._ledger import Claim, Ledger
from wheelfix.targets.roots._schemes import SchemeTable, compute_paths
from wheelfix.targets.roots._suffixes import (
    in_order,
    own_suffixes,
    parse_own_suffix,
    suffixes_by_rule,
)
from wheelfix.targets.roots._sysconfig import UnreadableError, flag, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wheelfix.codes import Code
    from wheelfix.platforms import ElfArchitecture
    from wheelfix.targets.executables import Executable
    from wheelfix.targets.roots._sources import Sources
    from wheelfix.targets.roots._suffixes import OwnSuffix

__all__ = ["ReadTarget", "Wish", "decide"]

_BY_RULE = "the rule of CPython's Python/dynload_shlib.c"
_LAST_WITH_PYMALLOC_FLAG = (3, 7)


class ReadTarget(NamedTuple):
    """A target that was read, not asked.

    :param target: with evidence for every fact. Its ``executable`` is None: nothing of it is to be run here.
    :param executable: path of the interpreter as it sees it itself, for shebangs; None where it isn't known.
    :param findings: what couldn't be read, and which sources disagree; warnings and notes.
    """

    target: Target
    executable: str | None
    findings: tuple[Finding, ...]


class Wish(NamedTuple):
    """What is asked for.

    :param subject: what to call the interpreter in findings.
    :param refusal: code of a refusal.
    :param scheme: name of the scheme for the paths; None for the default one.
    :param prefix: folder that stands in for base and platbase; None for the interpreter's own.
    """

    subject: str
    refusal: Code
    scheme: str | None = None
    prefix: str | None = None


def decide(sources: Sources, wish: Wish) -> ReadTarget:
    """Make a target of what the sources say.

    :raises EnvironmentRefusedError: WF507 for a scheme that it doesn't have, the wish's code if its suffixes or its
        machine aren't known, or it is none of Linux.
    """
    return _Deciding(sources, wish).target()


class _Deciding:
    def __init__(self, sources: Sources, wish: Wish) -> None:
        self.sources = sources
        self.wish = wish
        self.ledger = Ledger(wish.subject)
        self.variables: Mapping[str, Any] = sources.variables or {}
        self.own = self._own_suffix()

    def target(self) -> ReadTarget:
        settle, sources = self.ledger.settle, self.sources
        own_source = self.ledger.evidence["soabi"]
        minor = sources.version if self.own is None else self.own.version
        major_number, minor_number = map(int, minor.split("."))
        version_info = (major_number, minor_number)
        implementation = settle("implementation", self._implementation(own_source))
        flags = settle("abi_flags", self._abi_flags(own_source))
        suffixes = settle("extension_suffixes", self._suffix_lists())
        extension_suffix = self._extension_suffix()
        free_threaded = settle("free_threaded", self._free_threaded(flags))
        debug = settle("debug", self._debug(flags))
        version = settle("version", _claims.versions(sources, minor))
        libc = settle("libc", _claims.libcs(sources, self.own))
        libc_version = settle(
            "libc_version", [Claim(sources.libc_version, f"text in {sources.libc_version_path}")]
        )
        architecture = settle("architecture", _claims.architectures(sources, self.own))
        machine = settle("machine", _claims.machines(sources, architecture))
        if machine is None:
            self._refuse("nothing in its files tells the machine")
        paths = self._paths(
            SchemeTable(
                sources.schemes or {}, version_info, flags, implementation, sources.is_debian
            )
        )
        known = {
            "implementation": implementation,
            "version": version,
            "abi_flags": flags,
            "soabi": self._soabi(),
            "cache_tag": settle("cache_tag", _claims.cache_tags(sources, implementation, minor)),
            "magic": settle("magic", _claims.magics(sources, implementation, minor)),
            "extension_suffixes": suffixes,
            "tags": self._tags(
                version_info,
                {
                    "implementation": implementation,
                    "extension_suffix": extension_suffix,
                    "free_threaded": free_threaded,
                    "debug": debug,
                    "pymalloc": "m" in flags or version_info > _LAST_WITH_PYMALLOC_FLAG,
                },
                self._platforms(libc, libc_version, machine, architecture),
            ),
            "platform_triplet": self._platform_triplet(extension_suffix),
            "libc": libc,
            "libc_version": libc_version,
            "machine": machine,
            "free_threaded": free_threaded,
            "debug": debug,
            "paths": paths,
            "libpython": settle("libpython", _claims.libpythons(sources)),
            "architecture": architecture,
            "loads_extension_modules": bool(suffixes) and not self._is_static(),
            **self._place(),
        }
        return ReadTarget(
            Target(**known, evidence=self.ledger.evidence),
            sources.place.executable,
            tuple(self.ledger.findings),
        )

    def _own_suffix(self) -> OwnSuffix | None:
        """Settle the suffix that names the interpreter; sysconfig's SOABI is its text."""
        suffix = self.ledger.settle("soabi", self._own_claims())
        if suffix is None and not self._is_static():
            self._refuse("nothing in its files tells which extension suffixes it has")
        own = None if suffix is None else parse_own_suffix(suffix)
        if own is not None and own.platform is not None and "-linux-" not in own.platform:
            self._refuse(f"it is built for {own.platform}; only those for Linux can be read")
        return own

    def _refuse(self, sentence: str) -> NoReturn:
        finding = Finding(self.wish.refusal, self.wish.subject, sentence)
        raise EnvironmentRefusedError([finding])

    def _own_claims(self) -> Iterator[Claim]:
        sources = self.sources
        by_sysconfig = self._own_by_sysconfig()
        if sources.binary is not None:
            compiled = [each.suffix for each in own_suffixes(sources.binary.suffixes)]
            # a fallback may stand beside the one that is its own
            wanted = [*sources.dynload_suffixes[:1], by_sysconfig]
            first = next((each for each in wanted if each in compiled), compiled[0])
            yield Claim(first, f"text in {sources.binary.path}")
        if sources.dynload_suffixes:
            yield Claim(sources.dynload_suffixes[0], f"file names in {sources.dynload_path}")
        yield Claim(by_sysconfig, f"SOABI in {sources.variables_path}")
        details = sources.build_details
        if details is not None:
            suffixes = (details.extension_suffix or "", *details.extension_suffixes)
            own = next((each for each in suffixes if parse_own_suffix(each)), None)
            yield Claim(own, sources.build_details_path)

    def _own_by_sysconfig(self) -> str | None:
        soabi = text(self.variables, "SOABI")
        names = [f".{soabi}.so", text(self.variables, "EXT_SUFFIX") or ""]
        return next((each for each in names if parse_own_suffix(each) is not None), None)

    def _soabi(self) -> str | None:
        if self.own is None:
            return None
        soabi = self.own.suffix[1:].partition(".")[0]
        # sysconfig of PyPy has no platform there
        return "-".join(soabi.split("-")[:2]) if self.own.implementation == "pypy" else soabi

    def _implementation(self, own_source: str) -> Iterator[Claim]:
        if self.own is not None:
            yield Claim(self.own.implementation, own_source)
        if self.sources.build_details is not None:
            yield Claim(self.sources.build_details.implementation, self.sources.build_details_path)
        yield Claim("cpython" if self.own is None else None, "no other one is static")

    def _abi_flags(self, own_source: str) -> Iterator[Claim]:
        if self.own is not None:
            yield Claim(self.own.flags, own_source)
        flags = self.variables.get("ABIFLAGS")
        yield Claim(
            flags if isinstance(flags, str) else None, f"ABIFLAGS in {self.sources.variables_path}"
        )
        if self.sources.build_details is not None:
            yield Claim(self.sources.build_details.abi_flags, self.sources.build_details_path)
        yield Claim("" if self.own is None else None, "nothing tells any")

    def _suffix_lists(self) -> Iterator[Claim]:
        sources, own = self.sources, self.own
        if sources.binary is not None and own is not None and own.suffix in sources.binary.suffixes:
            names = in_order(own.suffix, sources.binary.suffixes)
            yield Claim(names, f"text in {sources.binary.path}, in the order of {_BY_RULE}")
        details = sources.build_details
        told = () if details is None else details.extension_suffixes
        by_details = Claim(told or None, sources.build_details_path)
        if own is None:
            yield Claim((), "no suffix is compiled in")
        elif own.suffix in told:
            yield by_details
        else:
            # a cross build writes the building interpreter's list: cpython issue 136267
            if sources.binary is None:
                yield Claim(suffixes_by_rule(own, _claims.further_suffixes(sources, own)), _BY_RULE)
            yield by_details

    def _extension_suffix(self) -> str | None:
        """Give EXT_SUFFIX, which is ".so" on pkgsrc whatever SOABI says."""
        told = text(self.variables, "EXT_SUFFIX")
        untagged = told is not None and told.count(".") == 1
        return told if untagged or self.own is None else self.own.suffix

    def _free_threaded(self, flags: str) -> Iterator[Claim]:
        if self.own is not None:
            yield Claim("t" in flags, self.ledger.evidence["abi_flags"])
        yield from self._switch("Py_GIL_DISABLED")

    def _debug(self, flags: str) -> Iterator[Claim]:
        if self.own is not None:
            yield Claim("d" in flags, self.ledger.evidence["abi_flags"])
        yield from self._switch("Py_DEBUG")

    def _switch(self, name: str) -> Iterator[Claim]:
        yield Claim(flag(self.variables, name), f"{name} in {self.sources.variables_path}")
        macros = self.sources.macros or {}
        yield Claim(flag(macros, name), f"{name} in {self.sources.macros_path}")
        yield Claim(False if self.own is None else None, "nothing tells")

    def _platforms(
        self,
        libc: str | None,
        libc_version: str | None,
        machine: str,
        architecture: ElfArchitecture | None,
    ) -> list[str]:
        from wheelfix.platforms import linux_platform_tags, platform_tags, tag_architectures

        if self._is_static():
            # nothing tells packaging a static executable's libc
            return linux_platform_tags([machine], None, None)
        if libc_version is None or architecture is None:
            return platform_tags(libc, libc_version, machine)
        names = tag_architectures(machine, architecture.bits)
        return linux_platform_tags(names, libc, libc_version, architecture)

    def _tags(
        self, version_info: tuple[int, int], facts: dict[str, Any], platforms: list[str]
    ) -> tuple[str, ...]:
        from wheelfix.targets._tags import accepted_tags

        self.ledger.evidence["tags"] = "packaging's rules"
        if self.sources.libc_version is None and not self._is_static():
            self.ledger.evidence["tags"] += ", for every version of the libc, which isn't known"
        return accepted_tags(facts, version_info, platforms)

    def _platform_triplet(self, extension_suffix: str | None) -> str | None:
        from wheelfix.naming import ExtensionName

        self.ledger.evidence["platform_triplet"] = f"EXT_SUFFIX {extension_suffix}"
        name = None if extension_suffix is None else ExtensionName.parse_suffix(extension_suffix)
        return None if name is None else name.platform

    def _is_static(self) -> bool:
        elf = self.sources.elf
        return elf is not None and elf.is_static

    def _place(self) -> dict[str, str | None]:
        place = self.sources.place
        self.ledger.evidence.update(
            executable=f"{place.executable or 'it'} is not to be run here",
            prefix="folder above the executable or its pyvenv.cfg",
            base_prefix="folder above the standard library",
            loads_extension_modules=_linking(self.sources.elf),
        )
        return {
            "executable": None,
            "prefix": place.prefix,
            "base_prefix": place.base_prefix,
        }

    def _paths(self, table: SchemeTable) -> dict[str, str]:
        place, prefix = self.sources.place, self.wish.prefix
        name = self.wish.scheme or table.default(place, prefix)
        if name not in table.names():
            sentence = f"it knows no scheme {name!r}, but these: {', '.join(table.names())}"
            finding = Finding(codes.UNKNOWN_SCHEME, self.wish.subject, sentence)
            raise EnvironmentRefusedError([finding])
        where = self.sources.schemes_path or "CPython's table"
        under = "" if prefix is None else f", prefix {prefix}"
        self.ledger.evidence["paths"] = f"scheme {name} of {where}{under}"
        try:
            return compute_paths(table, place, name, prefix)
        except UnreadableError as error:
            self._refuse(str(error))


def _linking(elf: Executable | None) -> str:
    if elf is None:
        return "extension suffixes"
    how = "static" if elf.is_static else "dynamic"
    return f"extension suffixes, and {elf.path} is {how}"
