"""Compile Python source files, and tell size and hash of what was made.

The running interpreter imports this module; another one gets its source as ``-c``, with the levels as arguments. So
it stays source compatible with CPython 3.6, and imports little, all of it from the standard library: json, re and
importlib.util would take as long as the start of the interpreter.
"""

import binascii
import errno
import hashlib
import marshal
import os
import sys
import unicodedata
import warnings
from importlib._bootstrap_external import MAGIC_NUMBER  # importlib.util's, at a third of the time

__all__ = ["MAGIC_NUMBER", "MARKER", "bytecode_name", "compile_file", "is_reproducible"]

#: for want of space nothing is left out: it is the whole call that doesn't fit
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

#: begins what an answer says in its line; a wrapper around the interpreter may print other lines
MARKER = b"wheelfix-bytecode:"

# PEP 552: 0 in timestamp-based files, 3 in hash-based ones that are checked; older versions had no such field
_HAS_FLAGS = sys.version_info >= (3, 7)
_TIMESTAMP = MAGIC_NUMBER + (bytes(4) if _HAS_FLAGS else b"")
_CHECKED_HASH = MAGIC_NUMBER + b"\3\0\0\0"

# PyPy's compiler is made after CPython's; of others it isn't known where a level makes a difference
_IS_KNOWN_COMPILER = sys.implementation.name in ("cpython", "pypy")


def is_reproducible() -> bool:
    """Tell whether bytecode must not depend on times (py_compile.py, ``_get_default_invalidation_mode``)."""
    return bool(os.environ.get("SOURCE_DATE_EPOCH"))


def bytecode_name(source_name: bytes, cache_tag: str, level: int) -> bytes:
    """Name a file in __pycache__ (PEP 3147, PEP 488; ``importlib.util.cache_from_source``).

    :param source_name: without folders.
    :param level: optimization level, 0 to 2.
    """
    optimization = f".opt-{level}" if level else ""
    return source_name.rpartition(b".")[0] + f".{cache_tag}{optimization}.pyc".encode()


def compile_file(
    path: bytes, seen_as: str, levels: "tuple[int, ...]", parent: int = 0
) -> "list[tuple[str, int]] | int | None":
    """Compile one file into the __pycache__ beside it, which is there already.

    :param path: the source file.
    :param seen_as: its path as tracebacks shall name it.
    :param levels: optimization levels, 0 to 2.
    :param parent: process without which nothing must be written any more; 0 for none.
    :return: by level the SHA-256 in RECORD's form (urlsafe base64 without padding, PEP 376) and the size in bytes;
        None if it doesn't compile for one of them, or can't be written: then nothing of it is there. The number of
        the error where there is no room for it.
    """
    written = []
    try:
        with open(path, "rb") as stream:
            status = os.fstat(stream.fileno())
            source = stream.read()
        contents = _compile(source, _header(source, status), seen_as, levels)
        if parent and os.getppid() != parent:
            return None
        folder, name = os.path.split(path)
        for level, content in zip(levels, contents):
            file = bytecode_name(name, sys.implementation.cache_tag or "", level)
            file = os.path.join(folder, b"__pycache__", file)
            # importlib._bootstrap_external._calc_mode, and what _write_atomic makes of it
            mode = (status.st_mode | 0o200) & 0o666
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            written.append(file)
            with open(descriptor, "wb") as stream:
                stream.write(content)
    # the compiler raises whatever its limits and the codecs make it raise
    except Exception as error:  # noqa: BLE001
        for file in written:
            os.unlink(file)
        return error.errno if isinstance(error, OSError) and error.errno in _FULL else None
    return [_fingerprint(content) for content in contents]


def _compile(
    source: bytes, header: bytes, seen_as: str, levels: "tuple[int, ...]"
) -> "list[bytes]":
    """Give the whole .pyc file for each level."""
    contents = {}  # type: dict[int, bytes]
    for level in levels:
        if level and 1 - level in contents and _is_the_same_for_0_and_1(source):
            contents[level] = contents[1 - level]
        else:
            contents[level] = header + _marshalled(source, seen_as, level)
    return [contents[level] for level in levels]


def _marshalled(source: bytes, seen_as: str, level: int) -> bytes:
    # source_to_code of importlib.abc.InspectLoader gives the same arguments
    arguments = (source, seen_as, "exec", 0, True, level)
    # which objects are shared, and before Python 3.11 the order of a frozenset's items, depends on which strings are
    # interned already: they are all in a second compilation, as long as there is the first one's code
    first = compile(*arguments) if is_reproducible() else None  # noqa: F841
    code = compile(*arguments)
    return marshal.dumps(code)


def _is_the_same_for_0_and_1(source: bytes) -> bool:
    """Tell whether the source surely holds nothing of which level 1 makes something else.

    Those are the statement ``assert`` and the name ``__debug__`` (documentation of -O). The name may be written with
    other letters (PEP 3131: NFKC), and both in anything where the file has an encoding of its own.
    """
    if b"assert" in source or b"__debug__" in source or not _IS_KNOWN_COMPILER:
        return False
    _, found, declared = b"\n".join(source.split(b"\n", 2)[:2]).partition(b"coding")
    if found and declared[1:].split(None, 1)[:1] not in ([b"utf-8"], [b"UTF-8"]):
        return False
    text = source.decode("utf-8")
    return len(text) == len(source) or "__debug__" not in unicodedata.normalize("NFKC", text)


def _header(source: bytes, status: os.stat_result) -> bytes:
    if _HAS_FLAGS and is_reproducible():
        from importlib.util import source_hash

        return _CHECKED_HASH + source_hash(source)
    numbers = (int(status.st_mtime), status.st_size)
    return _TIMESTAMP + b"".join((each & 0xFFFFFFFF).to_bytes(4, "little") for each in numbers)


def _fingerprint(content: bytes) -> "tuple[str, int]":
    digest = binascii.b2a_base64(hashlib.sha256(content).digest(), newline=False)
    return digest.rstrip(b"=").replace(b"+", b"-").replace(b"/", b"_").decode(), len(content)


def _serve(levels: "tuple[int, ...]") -> None:
    """Compile what is asked for on standard input, file by file, until it ends.

    A question is a line with a number of bytes, and so many bytes: pairs of a path and the one that tracebacks shall
    name, all followed by NUL. The first answer is the interpreter's cache tag and magic number; then there is one for
    each file, in that order. They are JSON values, each behind the marker.
    """
    parent = os.getppid()
    warnings.simplefilter("ignore")
    _answer(f'["{sys.implementation.cache_tag}", "{MAGIC_NUMBER.hex()}"]')
    for line in iter(sys.stdin.buffer.readline, b""):
        fields = sys.stdin.buffer.read(int(line)).split(b"\0")
        for path, seen_as in zip(fields[::2], fields[1::2]):
            made = compile_file(path, seen_as.decode("utf-8", "surrogatepass"), levels, parent)
            if isinstance(made, list):
                rows = ", ".join(f'["{digest}", {size}]' for digest, size in made)
                _answer(f"[{rows}]")
            else:
                _answer("null" if made is None else str(made))


def _answer(text: str) -> None:
    # a wrapper may have left its last line unfinished
    sys.stdout.buffer.write(b"\n" + MARKER + text.encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve(tuple(map(int, sys.argv[1:])))
