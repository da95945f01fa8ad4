"""Relocation types that decide whether a file loads, by machine."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["RelocationTypes", "relocation_types"]


class RelocationTypes(NamedTuple):
    """Numbers of relocation types on one machine.

    :param tls: those that ask for an offset in the initial TLS block.
    :param resolver: R_*_IRELATIVE; None where the machine has none.
    """

    tls: frozenset[int]
    resolver: int | None


# glibc elf/elf.h: R_*_TPOFF or R_*_TPREL, and R_*_IRELATIVE
_TYPES = {
    3: RelocationTypes(frozenset({14, 37}), 42),  # EM_386
    8: RelocationTypes(frozenset({47, 48}), None),  # EM_MIPS
    20: RelocationTypes(frozenset({73}), 248),  # EM_PPC
    21: RelocationTypes(frozenset({73}), 248),  # EM_PPC64
    22: RelocationTypes(frozenset({56}), 61),  # EM_S390
    40: RelocationTypes(frozenset({19}), 160),  # EM_ARM
    62: RelocationTypes(frozenset({18}), 37),  # EM_X86_64
    183: RelocationTypes(frozenset({1030}), 1032),  # EM_AARCH64
    243: RelocationTypes(frozenset({10, 11}), 58),  # EM_RISCV
    258: RelocationTypes(frozenset({10, 11}), 12),  # EM_LOONGARCH
}
_NONE = RelocationTypes(frozenset(), None)


def relocation_types(machine: int) -> RelocationTypes:
    """Give the types of one machine, none for an unknown one.

    :param machine: e_machine.
    """
    return _TYPES.get(machine, _NONE)
