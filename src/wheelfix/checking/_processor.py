"""What this machine's processor can do, as far as glibc's loader asks."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

__all__ = ["levels_of_flags", "processor_levels"]

#: the levels of the x86-64 psABI above the baseline, by the kernel's names of what each adds (arch/x86/include/asm/
#: cpufeatures.h; sysdeps/x86/get-isa-level.h in glibc)
_LEVELS = (
    ("x86-64-v2", frozenset({"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"})),
    (
        "x86-64-v3",
        frozenset({"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"}),
    ),
    ("x86-64-v4", frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"})),
)


@lru_cache(maxsize=1)
def processor_levels(cpuinfo: str = "/proc/cpuinfo") -> tuple[str, ...]:
    """Give the subfolders of glibc-hwcaps that the loader searches here, best first; none but on x86-64.

    :param cpuinfo: path of the kernel's file.
    """
    try:
        lines = Path(cpuinfo).read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return levels_of_flags(flags.split())


def levels_of_flags(flags: list[str]) -> tuple[str, ...]:
    """Give the levels that a processor with these flags has, best first; each one takes those below it."""
    found: list[str] = []
    for level, needed in _LEVELS:
        if not needed.issubset(flags):
            break
        found.insert(0, level)
    return tuple(found)
