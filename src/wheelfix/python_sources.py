"""Python source that loads libpython by name through ctypes.

An executable may hold the whole interpreter and need no libpython; then there is none to load, or another package
brings one, which becomes a second interpreter without state. ``ctypes.pythonapi`` is the running one in any case
(CPython Lib/ctypes/__init__.py: ``PyDLL(None)``). Nothing of the source is imported or run.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from wheelfix.codes import LIBPYTHON_BY_NAME, Finding

if TYPE_CHECKING:
    import ast

    from wheelfix._python_loads import Load

__all__ = ["libpython_loads", "mentions_libpython"]

_LOADING = (b"CDLL", b"PyDLL", b"cdll", b"pydll", b"find_library")
_NAMING = (b"python", b"LDLIBRARY", b"INSTSONAME")

# Each adds a level to the syntax tree: 1+1+1, f()()(), a.b.c, not not a, elif
_NESTING = re.compile(r"[-+~*/%@|^&<>.(\[]|\b(?:not|lambda|if|elif|await)\b")
# The parser of CPython may overflow the stack before it raises RecursionError: 3.9 and 3.10 don't count the levels of
# a tree that become objects (Python/Python-ast.c, ast2obj_expr), later ones count on the 8 MiB of a main thread.
# Measured with the 1 MiB that threads have on musl: 2,500 levels end in a segmentation fault.
_MOST_NESTING = 1000

_NOT_CODE = re.compile(
    r"""
      \#[^\n]*
    | (?P<quotes>\"\"\"|''') (?:[^\\]|\\.)*? (?:(?P=quotes)|\Z)
    | (?P<string> "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' )
    """,
    re.VERBOSE | re.DOTALL,
)
_CALL_IN_LINE = re.compile(r"\b(?P<function>CDLL|PyDLL|LoadLibrary|find_library)\s*\(")
# characters of a call that are searched for a name
_LONGEST_CALL = 300
_REST_OF_STATEMENT = re.compile(
    r"""(?: "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | [^;] )*""", re.VERBOSE
)
# a digit or what becomes one: %s, {}, or the end of a string to which something is added
_VERSION = r"""(?: [0-9] | %[^%\s] | \{ | ["'] \s* [+%] )"""
_LIBRARY = re.compile(
    rf"""["'/] (?P<library> libpython (?={_VERSION}) [^"'/]* ) (?<!\.dll) ["']""", re.VERBOSE
)
_CONFIGURED = re.compile(r"""get_config_vars?\b.*["'](?P<library>LDLIBRARY|INSTSONAME)["']""")
_FOUND = re.compile(
    r"""
    ["'] (?P<library> python (?: [23]? | (?:[23]|%d|\{\w*\}) \.[^"'/]+ | (?:%s|\{\w*\})[^"'/]* ) )
    (?<!\.dll) ["']
    """,
    re.VERBOSE,
)
_NAMED_IN_LINE = {
    "CDLL": (_LIBRARY, _CONFIGURED),
    "PyDLL": (_LIBRARY, _CONFIGURED),
    "LoadLibrary": (_LIBRARY, _CONFIGURED),
    "find_library": (_FOUND,),
}

# characters
_SHOWN = 60

_PARSING = threading.Lock()


def mentions_libpython(content: bytes) -> bool:
    """Whether Python source is worth a closer look by :func:`libpython_loads`, which is far slower.

    :param content: the file's bytes.
    """
    return (
        b"ctypes" in content
        and any(word in content for word in _LOADING)
        and any(word in content for word in _NAMING)
    )


def libpython_loads(content: bytes, path: str) -> list[Finding]:
    """Find the calls that load libpython by name: WF319 of each line that has one.

    Counted are ``ctypes.CDLL``, ``PyDLL``, ``cdll`` and ``pydll`` with a name such as ``libpython3.9.so`` or with
    what ``sysconfig`` says of LDLIBRARY or INSTSONAME, and ``ctypes.util.find_library`` with one such as
    ``python3.9``, under whatever name they are imported. A name may be put together from parts, or be a variable's.
    Names of Windows (``python39.dll``) don't count, nor does ``CDLL(None)``.

    Source that the running Python doesn't parse is searched line by line instead, and less is found in it.

    :param content: the file's bytes, of any content.
    :param path: what to call the file; a finding's subject is ``<path>:<line>``.
    """
    if not mentions_libpython(content):
        return []
    loads = _loads_by_syntax(content)
    if loads is None:
        loads = _loads_by_line(content)
    return [Finding(LIBPYTHON_BY_NAME, f"{path}:{load.line}", _sentence(load)) for load in loads]


def _loads_by_syntax(content: bytes) -> list[Load] | None:
    """Search the syntax tree; None where there is none to be had."""
    from wheelfix._python_loads import loads_of

    try:
        tree = _parsed(content)
        return None if tree is None else loads_of(tree)
    except Exception:  # noqa: BLE001 - codecs and the parser raise more than their documentation says
        return None


def _parsed(content: bytes) -> ast.Module | None:
    import ast
    import codecs
    import io
    import tokenize
    import warnings

    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    # takes a time that grows with the square of the length, and no source is written in it
    if codecs.lookup(encoding).name == "punycode":
        return None
    text = content.decode(encoding)
    if _is_deep(text):
        return None
    # what the parser says of a doubtful escape is nothing for whoever asks about a wheel
    with _PARSING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _is_deep(text: str) -> bool:
    """Whether a statement may be nested deeper than the parser bears."""
    import io
    import tokenize

    if _nesting(text) <= _MOST_NESTING:
        return False
    # a statement's own, and those that begin in the middle of another
    count = elifs = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE:
            count = 0
        elif token.string == "elif":
            elifs += 1
        elif token.type == tokenize.STRING:
            # up to 3.11 an f-string is one token, with the code in it
            prefix = token.string.partition(token.string[-1])[0]
            count += _nesting(token.string) if "f" in prefix.lower() else 0
        elif token.type not in (tokenize.COMMENT, tokenize.NUMBER):
            count += _nesting(token.string)
        if count + elifs > _MOST_NESTING:
            return True
    return False


def _nesting(text: str) -> int:
    return sum(1 for _ in _NESTING.finditer(text))


def _loads_by_line(content: bytes) -> list[Load]:
    """Search the lines, but not in comments and not in strings of several lines."""
    from wheelfix._python_loads import Load

    # of every encoding that Python source may have, these bytes are ASCII
    text = re.sub(r"\r\n?", "\n", content.decode("latin-1"))
    loads = []
    for number, line in enumerate(_NOT_CODE.sub(_without, text).split("\n"), 1):
        found = _load_in(line)
        if found is not None:
            function, library = found
            loads.append(Load(number, function, library))
    return loads


def _without(match: re.Match[str]) -> str:
    return match["string"] or "\n" * match[0].count("\n")


def _load_in(line: str) -> tuple[str, str] | None:
    for call in _CALL_IN_LINE.finditer(line):
        rest = _REST_OF_STATEMENT.match(line, call.end(), call.end() + _LONGEST_CALL)
        arguments = rest[0] if rest else ""
        for pattern in _NAMED_IN_LINE[call["function"]]:
            found = pattern.search(arguments)
            if found:
                return call["function"], found["library"]
    return None


def _sentence(load: Load) -> str:
    library = load.library if len(load.library) <= _SHOWN else f"{load.library[:_SHOWN]}..."
    verb = "looks for" if load.function.endswith("find_library") else "loads"
    return (
        f"{load.function} {verb} {library!r} by name: some interpreters have none, and beside an executable that "
        "holds the interpreter it is a second one without state, in which calls crash; ctypes.pythonapi works with "
        "a shared and a static interpreter alike"
    )
