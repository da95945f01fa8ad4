"""Makes root file systems with an interpreter in them that nobody could run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support.elf_maker import shared_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["RootMaker"]

_MUSL_LOADER = b"\x7fELF musl libc\0Version %s\n\0" + b"1.2.5\0"


@dataclass
class RootMaker:
    """Makes the files of one interpreter below a folder; each of them can be left out or be another one.

    :param folder: the root.
    :param version: of Python.
    :param flags: ABI flags.
    :param triplet: platform part of SOABI.
    :param suffixes: compiled in, after the interpreter's own one.
    :param variables: added to sysconfig's.
    """

    folder: Path
    version: str = "3.9.18"
    flags: str = ""
    triplet: str = "x86_64-linux-musl"
    suffixes: tuple[str, ...] = (".abi3.so",)
    variables: Mapping[str, Any] = field(default_factory=dict)
    prefix: str = "/usr"

    @property
    def minor(self) -> str:
        """Major and minor version."""
        return ".".join(self.version.split(".")[:2])

    @property
    def soabi(self) -> str:
        """SOABI of sysconfig."""
        return f"cpython-{self.minor.replace('.', '')}{self.flags}-{self.triplet}"

    @property
    def stdlib(self) -> str:
        """Folder of the standard library, as seen from inside."""
        return f"{self.prefix}/lib/python{self.minor}{'t' if 't' in self.flags else ''}"

    @property
    def executable(self) -> str:
        """Path of the executable, as seen from inside."""
        return f"{self.prefix}/bin/python{self.minor}"

    def path(self, inside: str) -> Path:
        """Give the path on this machine, with the folder made."""
        path = self.folder / inside.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, inside: str, content: bytes | str) -> None:
        """Write a file."""
        path = self.path(inside)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def link(self, inside: str, target: str) -> None:
        """Make a symbolic link."""
        self.path(inside).symlink_to(target)

    def code(self) -> bytes:
        """Give what the interpreter's texts look like in a binary."""
        texts = [f".{self.soabi}.so", *self.suffixes, self.version, "3.2.0"]
        return b"\0" + b"".join(text.encode() + b"\0" for text in texts)

    def make(self, *, interpreter: str | None = "/lib/ld-musl-x86_64.so.1") -> RootMaker:
        """Make everything of a statically linked libpython: executable, standard library, loader.

        :param interpreter: PT_INTERP; None for a fully static executable.
        """
        needed = [] if interpreter is None else ["libc.musl-x86_64.so.1"]
        executable = shared_object(needed=needed, interpreter=interpreter)
        self.write(self.executable, executable + self.code())
        self.link(f"{self.prefix}/bin/python3", f"python{self.minor}")
        self.write(f"{self.stdlib}/os.py", "")
        self.write(
            f"{self.stdlib}/importlib/_bootstrap_external.py",
            "MAGIC_NUMBER = (3425).to_bytes(2, 'little') + b'\\r\\n'\n",
        )
        self.write(f"{self.stdlib}/lib-dynload/_bz2.{self.soabi}.so", b"")
        self.write_sysconfigdata()
        if interpreter is not None:
            self.write(interpreter, _MUSL_LOADER)
        return self

    def sysconfigdata(self) -> dict[str, Any]:
        """Give sysconfig's variables."""
        return {
            "ABIFLAGS": self.flags,
            "ALT_SOABI": 0,
            "EXT_SUFFIX": f".{self.soabi}.so",
            "HOST_GNU_TYPE": "x86_64-alpine-linux-musl",
            "PLATLIBDIR": "lib",
            "Py_DEBUG": int("d" in self.flags),
            "Py_ENABLE_SHARED": 0,
            "SOABI": self.soabi,
            "VERSION": self.minor,
            "prefix": self.prefix,
            **self.variables,
        }

    def write_sysconfigdata(self, source: str | None = None) -> str:
        """Write ``_sysconfigdata_*.py`` and give its path, as seen from inside."""
        path = f"{self.stdlib}/_sysconfigdata_{self.flags}_linux_{self.triplet}.py"
        if source is None:
            source = f"# generated\nbuild_time_vars = {self.sysconfigdata()!r}\n"
        self.write(path, source)
        return path

    def build_details(self, **changes: Any) -> dict[str, Any]:
        """Give the content of a build-details.json; a change to None leaves a section out."""
        major, minor, micro = map(int, self.version.split("."))
        info = {
            "major": major,
            "minor": minor,
            "micro": micro,
            "releaselevel": "final",
            "serial": 0,
        }
        details = {
            "schema_version": "1.0",
            "base_prefix": self.prefix,
            "base_interpreter": self.executable,
            "platform": "linux-x86_64",
            "language": {"version": self.minor, "version_info": info},
            "implementation": {
                "name": "cpython",
                "cache_tag": f"cpython-{major}{minor}",
                "version": info,
            },
            "abi": {"flags": list(self.flags), "extension_suffix": f".{self.soabi}.so"},
            "suffixes": {"extensions": [f".{self.soabi}.so", *self.suffixes, ".so"]},
            **changes,
        }
        return {name: section for name, section in details.items() if section is not None}

    def write_build_details(self, name: str = "build-details.json", **changes: Any) -> str:
        """Write a build-details.json and give its path, as seen from inside."""
        path = f"{self.stdlib}/{name}"
        self.write(path, json.dumps(self.build_details(**changes)))
        return path
