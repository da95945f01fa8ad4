"""The two hash tables over the symbols of an ELF file.

Sources: System V gABI chapter 5 ("Hash Table") and glibc's elf/dl-lookup.c for DT_GNU_HASH.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.elf_architectures import S390X, Architecture

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["gnu_bucket_count", "gnu_hash", "gnu_hash_table", "sysv_hash", "sysv_hash_table"]


def sysv_hash(name: str) -> int:
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high & 0xFFFFFFFF
    return value


def gnu_hash(name: str) -> int:
    value = 5381
    for byte in name.encode():
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def sysv_hash_table(architecture: Architecture, names: Sequence[str]) -> bytes:
    # The 64-bit s390 ABI is the odd one with 8-byte entries here.
    letter = "Q" if architecture.machine == S390X.machine and architecture.bits == 64 else "I"
    bucket_count = max(1, len(names) // 2)
    buckets = [0] * bucket_count
    chains = [0] * len(names)
    for index, name in enumerate(names):
        if name:
            bucket = sysv_hash(name) % bucket_count
            chains[index], buckets[bucket] = buckets[bucket], index
    values = [bucket_count, len(names), *buckets, *chains]
    return architecture.pack(f"{len(values)}{letter}", *values)


def gnu_bucket_count(defined: Sequence[str]) -> int:
    return max(1, len(defined) // 2)


def gnu_hash_table(architecture: Architecture, first: int, defined: Sequence[str]) -> bytes:
    """Make the table; ``defined`` must be sorted by bucket already."""
    bucket_count = gnu_bucket_count(defined)
    hashes = [gnu_hash(name) for name in defined]
    bloom, shift = 0, 6
    buckets = [0] * bucket_count
    chains = []
    for index, value in enumerate(hashes):
        bloom |= 1 << value % architecture.bits | 1 << (value >> shift) % architecture.bits
        buckets[value % bucket_count] = buckets[value % bucket_count] or first + index
        last = index + 1 == len(hashes) or hashes[index + 1] % bucket_count != value % bucket_count
        chains.append(value & ~1 | last)
    head = architecture.pack("4IA", bucket_count, first, 1, shift, bloom)
    return head + architecture.pack(f"{bucket_count}I{len(chains)}I", *buckets, *chains)
