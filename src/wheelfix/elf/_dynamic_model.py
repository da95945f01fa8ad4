"""What the dynamic loader would take from one ELF file."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wheelfix.platforms import ElfArchitecture

__all__ = ["Definition", "DynamicFacts", "Reference", "ReferenceKind", "VersionNeed"]


class ReferenceKind(Enum):
    """What a relocation wants."""

    SYMBOL = "symbol"
    #: an offset in the initial TLS block (R_*_TPOFF)
    INITIAL_EXEC_TLS = "initial-exec TLS"
    #: a resolver of the file's own to be called (R_*_IRELATIVE), which musl can't
    RESOLVER = "resolver"


class Reference(NamedTuple):
    """One thing that relocations of the file want, each named once.

    :param name: of the symbol; where the relocation names none, that of the relocation before it, which musl's
        message shows in its place.
    :param version: that it asks for, from DT_VERNEED; None for any.
    :param file: the DT_NEEDED entry that the version was found in when the file was linked.
    :param is_weak: an undefined weak symbol, which nothing need define.
    :param is_defined: the file defines the symbol itself.
    :param is_local: and it binds to nothing else: a local symbol, or none.
    :param type: number of the relocation type (R_*).
    """

    kind: ReferenceKind
    name: bytes
    version: bytes | None
    file: bytes | None
    is_weak: bool
    is_defined: bool
    is_local: bool
    type: int


class Definition(NamedTuple):
    """One symbol that the file defines for others.

    :param version: from DT_VERDEF; None where it has none, or the base version.
    :param is_hidden: not the default version (``name@VERSION``).
    :param type: STT_* number.
    """

    version: bytes | None
    is_hidden: bool
    type: int


class VersionNeed(NamedTuple):
    """One entry of DT_VERNEED.

    :param file: the library by its DT_NEEDED name.
    :param is_weak: the loader doesn't mind if it isn't there (VER_FLG_WEAK).
    """

    file: str
    version: str
    is_weak: bool


class DynamicFacts(NamedTuple):
    """What the dynamic loader would take from one ELF file.

    :param architecture: of the code.
    :param type: e_type: 2 an executable at a fixed address, 3 a shared object.
    :param os_abi: EI_OSABI.
    :param has_dynamic_section: there is a PT_DYNAMIC segment.
    :param soname: DT_SONAME.
    :param needed: DT_NEEDED, in order.
    :param rpath: DT_RPATH as it stands there.
    :param runpath: DT_RUNPATH as it stands there.
    :param flags: DT_FLAGS.
    :param flags_1: DT_FLAGS_1.
    :param interpreter: PT_INTERP.
    :param version_needs: DT_VERNEED, in order.
    :param version_definitions: names in DT_VERDEF; None where the file has no such table.
    :param defined: the symbols that others can bind to, with all their versions.
    :param references: what DT_REL and DT_RELA want, in order.
    :param plt_references: what DT_JMPREL wants, in order.
    :param relr_size: bytes of DT_RELR; 0 where there is none.
    :param relr_relocates_init: DT_RELR relocates entries of DT_INIT_ARRAY.
    :param executable_stack: PT_GNU_STACK asks for it; None where there is no such header.
    :param tls_size: bytes of PT_TLS in memory; 0 where there is none.
    :param tls_alignment: of PT_TLS.
    :param is_truncated: the file ends before a segment of it does.
    :param loses_needed_pages: and the loader itself writes to what is missing, which ends the process.
    """

    architecture: ElfArchitecture
    type: int
    os_abi: int
    has_dynamic_section: bool
    soname: str | None
    needed: tuple[str, ...]
    rpath: str | None
    runpath: str | None
    flags: int
    flags_1: int
    interpreter: str | None
    version_needs: tuple[VersionNeed, ...]
    version_definitions: frozenset[bytes] | None
    defined: Mapping[bytes, tuple[Definition, ...]]
    references: tuple[Reference, ...]
    plt_references: tuple[Reference, ...]
    relr_size: int
    relr_relocates_init: bool
    executable_stack: bool | None
    tls_size: int
    tls_alignment: int
    is_truncated: bool
    loses_needed_pages: bool

    @property
    def uses_initial_exec_tls(self) -> bool:
        """Whether a relocation asks for a place in the initial TLS block."""
        return any(
            reference.kind is ReferenceKind.INITIAL_EXEC_TLS
            for reference in (*self.references, *self.plt_references)
        )
