"""Files of real wheels without their debug sections, of every machine, by the eyes of pyelftools."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

from wheelfix.rewriting._debug_sections import without_debug_sections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.wheels import WheelFactory

pytestmark = pytest.mark.wheels

FILES = {
    "aiohttp-3.12.3-cp310-cp310-musllinux_1_2_armv7l.whl": 4,
    "aiohttp-3.14.5-cp310-cp310-musllinux_1_2_riscv64.whl": 4,
    "aiohttp-3.8.0-cp310-cp310-musllinux_1_1_aarch64.whl": 4,
    "bcrypt-3.2.0-cp36-abi3-manylinux1_x86_64.whl": 1,
    "charset_normalizer-3.0.0-cp311-cp311-musllinux_1_1_s390x.whl": 2,
    "cryptography-3.4.8-cp36-abi3-musllinux_1_1_x86_64.whl": 3,
    "MarkupSafe-2.0.1-cp310-cp310-musllinux_1_1_i686.whl": 1,
    "markupsafe-3.0.4-cp39-cp39-musllinux_1_2_ppc64le.whl": 1,
    "memray-1.8.0-cp39-cp39-musllinux_1_1_x86_64.whl": 4,
    "multidict-6.6.3-cp313-cp313t-musllinux_1_2_x86_64.whl": 1,
    # Rust, and libgcc_s that patchelf has changed
    "orjson-3.8.10-cp310-cp310-musllinux_1_1_aarch64.whl": 1,
    "psycopg_binary-3.0.4-cp310-cp310-musllinux_1_1_x86_64.whl": 2,
    "rapidfuzz-2.15.1-cp39-cp39-musllinux_1_1_s390x.whl": 5,
    "uefi_firmware-1.16-cp310-abi3-musllinux_1_2_i686.whl": 1,
}


def elf_members(file: str, wheel: WheelFactory) -> Iterator[bytes]:
    with zipfile.ZipFile(wheel(file)) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            if content.startswith(b"\x7fELF"):
                yield content


def symbols(file: ELFFile, name: str) -> list[tuple[str, int, str, str]]:
    """List what names code and data: name, address, type and section of each."""
    table = file.get_section_by_name(name)
    if not isinstance(table, SymbolTableSection):
        return []
    found = []
    for each in table.iter_symbols():
        index, kind = each["st_shndx"], each["st_info"]["type"]
        section = file.get_section(index).name if isinstance(index, int) else index
        if kind not in {"STT_FILE", "STT_SECTION"}:
            found.append((each.name, each["st_value"], kind, section))
    return found


def relocations(file: ELFFile) -> list[list[tuple[int, ...]]]:
    """List what the loader relocates."""
    return [
        [tuple(each.entry.values()) for each in section.iter_relocations()]
        for section in file.iter_sections()
        if isinstance(section, RelocationSection) and section["sh_flags"] & 2
    ]


@pytest.mark.parametrize("file", FILES)
def test_nothing_but_debug_sections_goes(file: str, wheel: WheelFactory) -> None:
    stripped = 0
    for content in elf_members(file, wheel):
        result = without_debug_sections(content, file)
        stripped += bool(result.removed)
        assert len(result.content) <= len(content)
        assert without_debug_sections(result.content, file) == (result.content, ())
        old, new = ELFFile(BytesIO(content)), ELFFile(BytesIO(result.content))
        names = [section.name for section in old.iter_sections()]
        kept = [name for name in names if name not in result.removed]
        assert [section.name for section in new.iter_sections()] == kept
        assert not any(name.startswith((".debug_info", ".gnu_debuglink")) for name in kept)
        for name in (".symtab", ".dynsym"):
            wanted = [each for each in symbols(old, name) if each[3] not in result.removed]
            assert symbols(new, name) == wanted
        assert relocations(new) == relocations(old)
        for one, other in zip(old.iter_segments(), new.iter_segments()):
            if other["p_type"] == "PT_LOAD":
                assert (other["p_offset"] - other["p_vaddr"]) % other["p_align"] == 0
            sizes = ("p_type", "p_flags", "p_vaddr", "p_filesz", "p_memsz", "p_align")
            assert [other[name] for name in sizes] == [one[name] for name in sizes]
    assert stripped == FILES[file]
