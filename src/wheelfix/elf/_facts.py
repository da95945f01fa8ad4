"""What one ELF file says of itself, and what follows from that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wheelfix.elf._header import malformed
from wheelfix.elf._tables import ElfTables
from wheelfix.platforms import libc_family_of_needed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wheelfix.elf._tables import Readable
    from wheelfix.platforms import ElfArchitecture

__all__ = ["ElfFacts", "init_symbol_names", "read_facts"]

_ET_DYN = 3  # elf.h
_TELLING_LIBC_FILES = ("libc.", "ld.", "ld-", "ld64")
# Nothing else is linked against a module for these: its init functions, and what Cython's cython_freeze looks for
# (module_is_main in Cython/Compiler/Naming.py).
_MODULE_SYMBOLS = (b"PyInit", b"PyModExport", b"__pyx_module_is_main_")
# ld and the C library's start files put them into every file (ld/scripttempl/elf.sc; crti.S).
_LINKER_SYMBOLS = frozenset(
    b"_init _fini edata _edata end _end __end__ "
    b"__bss_start __bss_start__ __bss_end__ _bss_end__".split()
)


@dataclass(frozen=True)
class ElfFacts:
    """What one ELF file says of itself.

    :param architecture: of the code in it.
    :param is_shared_object: e_type is ET_DYN and there is a dynamic section: dlopen may take it.
    :param soname: DT_SONAME.
    :param needed: DT_NEEDED, in order.
    :param version_needs: (file, version) pairs of DT_VERNEED.
    :param libc_families: the libc families that the file is linked against; empty where it says nothing,
        two where it contradicts itself.
    :param init_symbols: those of the asked-for module init symbols that it defines for dlsym.
    :param interpreter: PT_INTERP, the path of the loader that an executable asks for; None where it names none.
    :param is_linkable: whether it defines symbols that other files may be linked against: more than the init symbols
        of modules, and what every shared object has.
    """

    architecture: ElfArchitecture
    is_shared_object: bool
    soname: str | None
    needed: tuple[str, ...]
    version_needs: tuple[tuple[str, str], ...]
    libc_families: frozenset[str]
    init_symbols: frozenset[str]
    interpreter: str | None = None
    is_linkable: bool = False

    @property
    def needed_files(self) -> frozenset[str]:
        """The file names in DT_NEEDED, which may hold paths."""
        return frozenset(name.rpartition("/")[2] for name in self.needed)

    def may_be_needed_as(self, file_name: str) -> bool:
        """Say whether other files may name this one in DT_NEEDED.

        Linkers write a library's DT_SONAME there, and where it has none, the name under which they found it
        (ld/ldelf.c, ``ldelf_open_dynamic_archive``; the same in gold, lld and mold).

        :param file_name: of this file.
        """
        return self.is_linkable if self.soname is None else self.soname == file_name


def init_symbol_names(module_name: str) -> tuple[str, ...]:
    """Name the functions of which an extension module must define one.

    Source: CPython Python/importdl.c ``get_encoded_name`` (PEP 489), and PEP 793 for PyModExport.

    :param module_name: the last component of the dotted module name.
    """
    if module_name.isascii():
        return (f"PyInit_{module_name}", f"PyModExport_{module_name}")
    encoded = module_name.encode("punycode").decode("ascii").replace("-", "_")
    return (f"PyInitU_{encoded}", f"PyModExportU_{encoded}")


def read_facts(stream: Readable, name: str, init_symbols: Iterable[str] = ()) -> ElfFacts:
    """Read the evidence of one ELF file.

    :param stream: the file; what lies behind all that is looked at isn't read.
    :param name: what to call it in an error.
    :param init_symbols: which symbols to look up, see :func:`init_symbol_names`.
    :raises MalformedElfError: if the file can't be read as an ELF file.
    """
    try:
        return _facts(ElfTables(stream, name), init_symbols)
    except UnicodeDecodeError as error:
        raise malformed(name, f"a name in it can't be read: {error}") from None


def _facts(tables: ElfTables, init_symbols: Iterable[str]) -> ElfFacts:
    needed = tables.needed()
    version_needs = tuple(tables.version_needs())
    return ElfFacts(
        architecture=tables.architecture,
        is_shared_object=tables.type == _ET_DYN and bool(tables.dynamic),
        soname=tables.soname(),
        needed=needed,
        version_needs=version_needs,
        libc_families=_libc_families(needed, version_needs),
        init_symbols=frozenset(
            symbol for symbol in init_symbols if tables.defines_function(symbol)
        ),
        interpreter=tables.interpreter(),
        is_linkable=tables.offers_others_than(_is_in_any_module),
    )


def _is_in_any_module(symbol: bytes) -> bool:
    return symbol.startswith(_MODULE_SYMBOLS) or symbol in _LINKER_SYMBOLS


def _libc_families(
    needed: Sequence[str], version_needs: Sequence[tuple[str, str]]
) -> frozenset[str]:
    """Tell which libc families a file is linked against.

    DT_NEEDED decides. A version need counts only when its file is a libc file: libgcc_s itself exports versions
    called GLIBC_2.0 on aarch64, i686, ppc64le and s390x, also where it was built for musl.
    """
    # bionic's libc.so has the version LIBC, musl's libc.so (Debian's soname for it) has no versions
    if ("libc.so", "LIBC") in version_needs:
        return frozenset({"bionic"})
    for files in (needed, [file for file, _ in version_needs]):
        families = {
            file: family for file in files if (family := libc_family_of_needed(file)) is not None
        }
        # uClibc shares the names of its smaller libraries with glibc; libc itself and the loader tell them apart
        telling = {file for file in families if file.startswith(_TELLING_LIBC_FILES)}
        if families:
            return frozenset(families[file] for file in telling or families)
    return frozenset()
