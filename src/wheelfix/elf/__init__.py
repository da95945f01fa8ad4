"""The evidence of one ELF file: what machine, which libc, which module it is.

All of it is read with struct, by the addresses that the loader itself uses and never by section headers: those may
be missing or forged. pyelftools takes twenty times as long, with its object for every symbol. Every read is bounded,
so that a hostile file costs neither time nor memory.
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
