"""Everything that the files of one interpreter in a root say, collected; what can't be read is a finding."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from typing import TYPE_CHECKING, Callable, TypeVar

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.targets.executables import musl_version_in
from wheelfix.targets.roots._build_details import BuildDetails, parse_build_details
from wheelfix.targets.roots._sources import Sources
from wheelfix.targets.roots._suffixes import own_suffixes, parse_own_suffix
from wheelfix.targets.roots._sysconfig import (
    UnreadableError,
    Variables,
    parse_json_variables,
    parse_schemes,
    parse_sysconfigdata,
)
from wheelfix.targets.roots._texts import glibc_version_in, macros_in, magic_number_in

if TYPE_CHECKING:
    from wheelfix.targets.executables import Executable
    from wheelfix.targets.roots._interpreters import Found
    from wheelfix.targets.roots._paths import InsideRoot
    from wheelfix.targets.roots._sources import Binary

__all__ = ["collect_sources"]

_Read = TypeVar("_Read")

_MAX_TEXT_SIZE = 8 * 1024 * 1024
_MAX_LIBC_SIZE = 64 * 1024 * 1024
_HEAD_OF_BYTECODE = 4
_VARIABLES = re.compile(r"(?:_sysconfigdata(?:_.*)?\.py|_sysconfig_vars_.*\.json)")
_COMPILED_VARIABLES = re.compile(r"_sysconfigdata(?:_.*)?\.pyc")
_BUILD_DETAILS = re.compile(r"build-details(?:\..*)?\.json")


def collect_sources(
    root: InsideRoot, found: Found, elf: Executable, binary: Binary | None
) -> tuple[Sources, list[Finding]]:
    """Read all sources of one interpreter; those that aren't there are left out."""
    collector = _Collector(root, found)
    return collector.sources(elf, binary), collector.findings


class _Collector:
    def __init__(self, root: InsideRoot, found: Found) -> None:
        self.root = root
        self.found = found
        self.findings: list[Finding] = []
        self._names = root.names(found.stdlib)

    def sources(self, elf: Executable, binary: Binary | None) -> Sources:
        dynload = f"{self.found.stdlib}/lib-dynload"
        suffixes = self._dynload_suffixes(dynload, binary)
        variables_path, variables = self._variables(suffixes, binary)
        macros_path, macros = self._header("pyconfig.h")
        patchlevel_path, patchlevel = self._header("patchlevel.h")
        details_path, details = self._build_details()
        schemes_path, schemes = self._schemes()
        magic_path, magic = self._magic()
        libc_path, libc_version = self._libc_version(elf)
        return Sources(
            version=self.found.version,
            place=self.found.place,
            elf=elf,
            binary=binary,
            dynload_path=dynload,
            dynload_suffixes=suffixes,
            variables=variables,
            variables_path=variables_path,
            macros=macros,
            macros_path=macros_path,
            patchlevel=(patchlevel or {}).get("PY_VERSION", "").rstrip("+") or None,
            patchlevel_path=patchlevel_path,
            build_details=details,
            build_details_path=details_path,
            schemes=schemes,
            schemes_path=schemes_path,
            magic=magic,
            magic_path=magic_path,
            libc_version=libc_version,
            libc_version_path=libc_path,
            is_debian=self.root.is_folder(
                f"{self.found.place.base_prefix}/lib/python3/dist-packages"
            ),
        )

    def _read(self, path: str, parse: Callable[[str], _Read]) -> _Read | None:
        """Read and parse one file; what it can't be read for is noted."""
        try:
            content = self.root.read(path, _MAX_TEXT_SIZE)
            return parse(content.decode("utf-8", "replace"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._note(path, error.strerror or str(error))
        except UnreadableError as error:
            self._note(path, str(error))
        return None

    def _note(self, path: str, sentence: str) -> None:
        self.findings.append(Finding(codes.SOURCE_NOT_READ, path, sentence))

    def _dynload_suffixes(self, folder: str, binary: Binary | None) -> tuple[str, ...]:
        """Count the suffixes that name an interpreter; another build's modules (python3-dbg) may lie beside."""
        names = self.root.names(folder)
        counts = Counter(name[name.index(".") :] for name in names if "." in name[1:-1])
        own = {each.suffix for each in own_suffixes(counts)}
        if binary is not None and own & binary.suffixes:
            own &= binary.suffixes
        return tuple(sorted(own, key=lambda each: (-counts[each], each)))

    def _variables(
        self, suffixes: tuple[str, ...], binary: Binary | None
    ) -> tuple[str, Variables | None]:
        """Read sysconfig's variables; of several files those whose name is this interpreter's come first.

        Source: Lib/sysconfig ``_get_sysconfigdata_name``: flags, sys.platform and multiarch. Debian and conda have
        further ones beside it.
        """
        known = [*suffixes, *(() if binary is None else binary.suffixes)]
        own = next((each for each in map(parse_own_suffix, known) if each is not None), None)
        flags, platform = ("", "") if own is None else (own.flags, own.platform or "")
        names = [name for name in self._names if _VARIABLES.fullmatch(name)]
        names.sort(
            key=lambda each: (
                f"_{flags}_linux_{platform}." not in each,
                f"_{flags}_linux" not in each,
                each.endswith(".json"),
            )
        )
        for name in names:
            path = f"{self.found.stdlib}/{name}"
            parse = parse_json_variables if name.endswith(".json") else parse_sysconfigdata
            variables = self._read(path, parse)
            if variables is not None:
                return path, variables
        if not names:
            self._note_bytecode_only()
        return "", None

    def _note_bytecode_only(self) -> None:
        for folder in (self.found.stdlib, f"{self.found.stdlib}/__pycache__"):
            for name in self.root.names(folder):
                if _COMPILED_VARIABLES.fullmatch(name):
                    self._note(
                        f"{folder}/{name}", "it is there as bytecode only, which is never run"
                    )
                    return

    def _header(self, name: str) -> tuple[str, dict[str, str] | None]:
        base = self.found.place.base_prefix.rstrip("/")
        folder = posixpath.basename(self.found.stdlib)
        # "m" of 3.6 and 3.7, debug builds
        for flags in ("", "m", "d", "td"):
            path = f"{base}/include/{folder}{flags}/{name}"
            if self.root.is_file(path):
                return path, self._read(path, macros_in)
        return "", None

    def _build_details(self) -> tuple[str, BuildDetails | None]:
        # Debian calls it build-details..x86_64-linux-gnu.json
        names = [name for name in self._names if _BUILD_DETAILS.fullmatch(name)]
        for name in sorted(names, key=len):
            path = f"{self.found.stdlib}/{name}"
            details = self._read(path, parse_build_details)
            if details is not None:
                return path, details
        return "", None

    def _schemes(self) -> tuple[str, dict[str, dict[str, str]] | None]:
        for name in ("sysconfig.py", "sysconfig/__init__.py"):
            path = f"{self.found.stdlib}/{name}"
            schemes = self._read(path, parse_schemes)
            if schemes is not None:
                return path, schemes
        return "", None

    def _magic(self) -> tuple[str, str | None]:
        stdlib = self.found.stdlib
        include = f"{self.found.place.base_prefix}/include/{posixpath.basename(stdlib)}"
        for path in (
            f"{stdlib}/importlib/_bootstrap_external.py",
            f"{include}/internal/pycore_magic_number.h",
        ):
            magic = self._read(path, magic_number_in)
            if magic is not None:
                return path, magic
        nodot = self.found.version.replace(".", "")
        name = "pypy" if posixpath.basename(stdlib).startswith("pypy") else "cpython-"
        for path in (f"{stdlib}/__pycache__/os.{name}{nodot}.pyc", f"{stdlib}/os.pyc"):
            head = self._head(path)
            if len(head) == _HEAD_OF_BYTECODE:
                return path, head.hex()
        return "", None

    def _head(self, path: str) -> bytes:
        try:
            with self.root.open(path) as stream:
                return stream.read(_HEAD_OF_BYTECODE)
        except OSError:
            return b""

    def _libc_version(self, elf: Executable) -> tuple[str, str | None]:
        """Read the version from the loader, or from the libc.so.6 beside it (in glibc before 2.33)."""
        told = elf.libc_and_evidence()
        if elf.interpreter is None or told is None or told[0] not in ("glibc", "musl"):
            return "", None
        try:
            loader = self.root.resolve(elf.interpreter)
            if told[0] == "musl":
                return loader, musl_version_in(self.root.read(loader, _MAX_LIBC_SIZE))
            for path in (loader, f"{posixpath.dirname(loader)}/libc.so.6"):
                version = glibc_version_in(self.root.read(path, _MAX_LIBC_SIZE))
                if version is not None:
                    return path, version
        except OSError as error:
            self._note(elf.interpreter, f"libc's version can't be read: {error.strerror}")
        return "", None
