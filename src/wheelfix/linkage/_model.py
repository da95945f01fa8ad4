"""What a process is made of, as far as its dynamic loader sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from wheelfix.elf.dynamic import DynamicFacts
    from wheelfix.platforms import ElfArchitecture

__all__ = [
    "AssumedLibrary",
    "Assumptions",
    "FileKind",
    "Files",
    "LoadClass",
    "LoadedObject",
    "Outcome",
]


class LoadClass(Enum):
    """How a dlopen ends."""

    LOADS = "loads"
    #: there is no such file
    NOT_FOUND = "not found"
    MISSING_LIBRARY = "missing library"
    MISSING_SYMBOL = "missing symbol"
    MISSING_VERSION = "missing version"
    #: initial-exec TLS in a file that musl loads at run time
    TLS = "tls"
    #: the process dies of a signal
    CRASH = "crash"
    #: a file that this loader doesn't take: not ELF, for another machine, an executable, an executable stack
    WRONG_ELF = "wrong elf"


class Outcome(NamedTuple):
    """How the loader of one process would answer to one dlopen.

    :param kind: the class of the answer.
    :param sentence: what dlerror() says, word for word; None where the module loads, the process dies, or the
        loader's own words depend on chance.
    :param subject: path of the file at which it ends; None where it loads.
    :param culprit: the library, symbol or version that isn't there, "DT_RELR" or "segment" for a crash,
        "executable stack", or None.
    :param loaded: paths of the files that it maps, in the loader's order.
    :param unknown: symbols and facts that could not be decided and were taken as fine.
    :param loads_after: modules of the same wheel after which it loads, where it doesn't alone.
    """

    kind: LoadClass
    sentence: str | None = None
    subject: str | None = None
    culprit: str | None = None
    loaded: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    loads_after: tuple[str, ...] = ()


class FileKind(Enum):
    """What lies at a path, links resolved."""

    FILE = "file"
    FOLDER = "folder"
    ABSENT = "absent"


class Files(NamedTuple):
    """What is known of the file system of the target, by paths as the target sees them.

    :param facts_of: reads one file; None where it is no ELF file. May raise MalformedElfError.
    :param kind_of: says what lies there.
    :param identity_of: equal for two paths exactly if they lead to the same file (device and inode).
    """

    facts_of: Callable[[str], DynamicFacts | None]
    kind_of: Callable[[str], FileKind]
    identity_of: Callable[[str], Hashable]


class AssumedLibrary(NamedTuple):
    """A library of the target whose file isn't at hand.

    :param name: as DT_NEEDED asks for it.
    :param defines: says whether it defines a symbol (name, version or None); None where that isn't known.
    :param has_version: says whether it defines a version; None where that isn't known.
    """

    name: str
    defines: Callable[[bytes, bytes | None], bool | None]
    has_version: Callable[[str], bool | None]


class Assumptions(NamedTuple):
    """What is taken for granted of a target whose files aren't at hand.

    :param libraries: those that are in the process before main(): the libc, the interpreter.
    :param may_have: says of a library that isn't found whether the target may have it all the same.
    :param architecture: of the executable.
    """

    libraries: tuple[AssumedLibrary, ...] = ()
    may_have: Callable[[str], bool] = lambda _: False
    architecture: ElfArchitecture | None = None


@dataclass(eq=False)
class LoadedObject:
    """One file in a process.

    :param path: as the loader calls it in messages.
    :param facts: None for an assumed one.
    :param identity: of the file.
    :param parent: the object that first asked for it; None for the executable.
    :param assumed: stands in for the facts.
    :param is_startup: it was there before main().
    :param names: short names under which it is found without a search.
    :param children: what its DT_NEEDED entries came to.
    """

    path: str
    facts: DynamicFacts | None
    identity: Hashable
    parent: LoadedObject | None
    assumed: AssumedLibrary | None = None
    is_startup: bool = False
    names: set[str] = field(default_factory=set)
    children: list[LoadedObject] = field(default_factory=list)
