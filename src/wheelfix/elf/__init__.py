"""The evidence of one ELF file: what machine, which libc, which module it is.

pyelftools reads the program headers. The tables behind PT_DYNAMIC are read with struct, by the addresses that the
loader itself uses and never by section headers: those may be missing or forged, and walking the symbols one construct
object at a time is twenty times slower. Every read is bounded, so that a hostile file costs neither time nor memory.
"""

from __future__ import annotations

from wheelfix.elf._facts import ElfFacts, init_symbol_names, read_facts
from wheelfix.elf._header import ELF_HEADER_SIZE, MalformedElfError, read_architecture

__all__ = [
    "ELF_HEADER_SIZE",
    "ElfFacts",
    "MalformedElfError",
    "init_symbol_names",
    "read_architecture",
    "read_facts",
]
