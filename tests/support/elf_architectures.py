"""The architectures that elf_maker makes files for."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AARCH64",
    "ARCHITECTURES",
    "ARM_HARD_FLOAT",
    "ARM_SOFT_FLOAT",
    "I386",
    "LOONGARCH64",
    "MIPS64EL",
    "PPC64",
    "PPC64LE",
    "RISCV64",
    "S390X",
    "X86_64",
    "X86_64_X32",
    "Architecture",
]


@dataclass(frozen=True)
class Architecture:
    """What the ELF header says, and the names that libcs give their own files there."""

    machine: int
    bits: int = 64
    byte_order: str = "little"
    flags: int = 0
    musl_name: str = ""
    glibc_base_version: str = "GLIBC_2.17"

    @property
    def _order(self) -> str:
        return "<" if self.byte_order == "little" else ">"

    def pack(self, layout: str, *values: int) -> bytes:
        """Pack as ``struct`` does, with A for an address or other word of the class's size."""
        return struct.pack(
            self._order + layout.replace("A", "Q" if self.bits == 64 else "I"), *values
        )


X86_64 = Architecture(62, musl_name="x86_64", glibc_base_version="GLIBC_2.2.5")
X86_64_X32 = Architecture(62, 32, musl_name="x32", glibc_base_version="GLIBC_2.16")
I386 = Architecture(3, 32, musl_name="x86", glibc_base_version="GLIBC_2.0")
AARCH64 = Architecture(183, musl_name="aarch64")
# EF_ARM_EABI_VER5 and EF_ARM_ABI_FLOAT_HARD or EF_ARM_ABI_FLOAT_SOFT
ARM_HARD_FLOAT = Architecture(
    40, 32, flags=0x05000400, musl_name="armv7", glibc_base_version="GLIBC_2.4"
)
ARM_SOFT_FLOAT = Architecture(
    40, 32, flags=0x05000200, musl_name="armel", glibc_base_version="GLIBC_2.4"
)
PPC64LE = Architecture(21, flags=2, musl_name="ppc64le")
PPC64 = Architecture(
    21, byte_order="big", flags=1, musl_name="ppc64", glibc_base_version="GLIBC_2.3"
)
S390X = Architecture(22, byte_order="big", musl_name="s390x", glibc_base_version="GLIBC_2.2")
# EF_RISCV_RVC and EF_RISCV_FLOAT_ABI_DOUBLE
RISCV64 = Architecture(243, flags=5, musl_name="riscv64", glibc_base_version="GLIBC_2.27")
# EF_LOONGARCH_ABI_DOUBLE_FLOAT and EF_LOONGARCH_OBJABI_V1
LOONGARCH64 = Architecture(
    258, flags=0x43, musl_name="loongarch64", glibc_base_version="GLIBC_2.36"
)
# EF_MIPS_ARCH_64R2, CPIC, PIC, NOREORDER
MIPS64EL = Architecture(8, flags=0x80000007, musl_name="mips64", glibc_base_version="GLIBC_2.0")

ARCHITECTURES: Mapping[str, Architecture] = {
    "x86_64": X86_64,
    "x32": X86_64_X32,
    "i386": I386,
    "aarch64": AARCH64,
    "arm hard float": ARM_HARD_FLOAT,
    "arm soft float": ARM_SOFT_FLOAT,
    "ppc64le": PPC64LE,
    "ppc64": PPC64,
    "s390x": S390X,
    "riscv64": RISCV64,
    "loongarch64": LOONGARCH64,
    "mips64el": MIPS64EL,
}
