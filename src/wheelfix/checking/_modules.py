"""Which members of a wheel are extension modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wheelfix.elf import MalformedElfError, init_symbol_names
from wheelfix.planning import module_name
from wheelfix.planning.candidates import Kind, candidate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wheelfix.checking._contents import Facts
    from wheelfix.naming import ExtensionName
    from wheelfix.planning import Member, Wheel
    from wheelfix.planning.candidates import Candidate

__all__ = ["Module", "modules_of"]

_MODULES = frozenset({Kind.MODULE, Kind.MODULE_BEHIND_PATH_ENTRY})
_INIT_PREFIXES = (b"PyInit_", b"PyInitU_", b"PyModExport_", b"PyModExportU_")
#: what nothing but an init function calls (Python/modsupport.c, Objects/moduleobject.c)
_CALLED_BY_INIT = frozenset({b"PyModule_Create2", b"PyModuleDef_Init", b"PyModule_FromDefAndSpec2"})


class Module(NamedTuple):
    """One extension module of a wheel.

    :param member: the file.
    :param name: its name, taken apart.
    :param init_symbols: of which it must define one.
    """

    member: Member
    name: ExtensionName
    init_symbols: tuple[str, ...]

    @property
    def stem(self) -> str:
        """Where it is installed, without its suffix."""
        return self.member.stem_location(self.name)


def modules_of(wheel: Wheel, facts: Mapping[str, Facts]) -> tuple[Module, ...]:
    """List the extension modules, in the order of the archive.

    A file that lacks its init symbol is one if its name says so and it has those of others, or calls what only an
    init function does: libraries that are opened by ctypes bear such names too. One that is no ELF file (Mach-O, PE,
    or no machine code at all) has only its name to tell it.
    """
    return tuple(_modules(wheel, facts))


def _modules(wheel: Wheel, facts: Mapping[str, Facts]) -> Iterator[Module]:
    for member in wheel.members:
        name = member.extension_name
        if name is None:
            continue
        found = candidate(member, name, wheel)
        if found.kind in _MODULES or (
            found.is_importable and _is_named_so(found, facts.get(member.path))
        ):
            yield Module(member, name, init_symbol_names(module_name(member)))


def _is_named_so(found: Candidate, facts: Facts | None) -> bool:
    name = found.name
    if found.kind is Kind.FOREIGN:
        return not name.is_bare or name.extension == ".pyd"
    return found.kind is Kind.FILE and not name.is_bare and _lacks_init(facts)


def _lacks_init(facts: Facts | None) -> bool:
    if facts is None or isinstance(facts, MalformedElfError):
        return False
    called = {reference.name for reference in (*facts.references, *facts.plt_references)}
    return not called.isdisjoint(_CALLED_BY_INIT) or any(
        symbol.startswith(_INIT_PREFIXES) for symbol in facts.defined
    )
