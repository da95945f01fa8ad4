"""Load modules for real: run by the target interpreter inside a root, one child a module.

Reads one line for each probe from stdin, fields parted by tabs: the file, the folder that a finder
would look into, the name that it would look for, and the dotted name and the sys.path entry of a
whole import (both empty for none). Prints one line with the repr of a tuple for each.

Nothing but what the interpreter has loaded by its start and _ctypes is imported: each further
library in the process could be what a module's symbols come from. It runs on CPython 3.6 and newer.
"""

import _ctypes
import _signal  # type: ignore[import-not-found]  # typeshed has none
import os
import sys
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)

# (the typing module would bring others, and 3.6 has no postponed annotations)
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# bits/dlfcn.h of both libcs; the os module has it too, but not on each version
RTLD_NOW = 2
SECONDS = 60
MARK = b"\0\0wheelfix\0"


def origin_of(folder: str, name: str) -> object:
    """Ask the finder: the file that the name stands for, or None."""
    loaders = [(ExtensionFileLoader, EXTENSION_SUFFIXES), (SourceFileLoader, SOURCE_SUFFIXES)]
    spec = FileFinder(folder, *loaders).find_spec(name)
    return spec.origin if spec is not None and spec.loader is not None else None


def in_child(step: "Callable[..., Iterator[object]]", *arguments: str) -> "tuple[object, ...]":
    """Run a step in a child; give its answers, its exit status and what it printed besides."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        for stream in (1, 2):
            os.dup2(writing, stream)
        _signal.alarm(SECONDS)
        for answer in step(*arguments):
            os.write(writing, MARK + repr(answer).encode("utf-8", "backslashreplace") + MARK)
        os._exit(0)
    os.close(writing)
    chunks = iter(lambda: os.read(reading, 65536), b"")
    parts = b"".join(chunks).split(MARK)
    os.close(reading)
    status = os.waitpid(child, 0)[1]
    answers = tuple(part.decode("utf-8") for part in parts[1::2])
    return answers, status, b"".join(parts[::2]).decode("utf-8", "replace")[:400]


def load(path: str, name: str) -> "Iterator[object]":
    """Give None where it loads, else the loader's sentence; then the init symbols it has."""
    try:
        handle = _ctypes.dlopen(path, RTLD_NOW)
    except OSError as error:
        yield str(error)
        return
    yield None
    symbols = []
    for prefix in ("PyInit_", "PyModExport_"):
        try:
            _ctypes.dlsym(handle, prefix + name)
        except OSError:
            continue
        symbols.append(prefix + name)
    yield tuple(symbols)


def import_whole(dotted: str, entry: str) -> "Iterator[object]":
    """Give the file that the import really came from, or its error."""
    sys.path.insert(0, entry)
    try:
        __import__(dotted)
    except BaseException as error:  # noqa: BLE001 - whatever a module raises is the answer
        yield ("error", type(error).__name__ + ": " + str(error)[:300])
    else:
        yield ("imported", str(getattr(sys.modules[dotted], "__file__", None)))


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        path, folder, name, dotted, entry = line.rstrip("\n").split("\t")
        answer = [origin_of(folder, name), *in_child(load, path, name)]
        if dotted:
            answer += in_child(import_whole, dotted, entry)
        os.write(1, repr(tuple(answer)).encode("utf-8", "backslashreplace") + b"\n")


main()
