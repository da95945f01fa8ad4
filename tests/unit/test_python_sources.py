"""Given this Python source, these of its lines load libpython by name."""

from __future__ import annotations

import ast
import re
import sys
import threading
import warnings
from textwrap import dedent
from time import perf_counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wheelfix.codes import LIBPYTHON_BY_NAME
from wheelfix.python_sources import libpython_loads, mentions_libpython


def lines_of(source: str | bytes) -> list[int]:
    """Give the lines that are found; of text, the first line is blank so that the rest can be indented."""
    content = dedent(source).encode() if isinstance(source, str) else source
    subjects = [finding.subject for finding in libpython_loads(content, "pkg/m.py")]
    assert all(subject.startswith("pkg/m.py:") for subject in subjects)
    return [int(subject.rpartition(":")[2]) for subject in subjects]


def is_found(argument: str, function: str = "ctypes.CDLL") -> bool:
    """Whether a call is found, where the usual modules are imported."""
    source = (
        "import ctypes, ctypes.util, os, pathlib, sys, sysconfig, distutils.sysconfig\n"
        f"x = {function}({argument})\n# of python\n"
    )
    ast.parse(source)
    return lines_of(source.encode()) == [2]


@pytest.mark.parametrize(
    "argument",
    [
        '"libpython3.9.so"',
        '"libpython3.so"',
        '"libpython2.7.so.1.0"',
        "'libpython3.7m.so', mode=ctypes.RTLD_GLOBAL",
        'name="libpython3.9.so"',
        'mode=4, name="libpython3.9.so"',
        '"/usr/lib/x86_64-linux-gnu/libpython3.11.so.1"',
        '"libpython3.9.dylib"',
        'b"libpython3.9.so"',
        '"lib" "python3.9.so"',
        'f"libpython{version}.so"',
        'f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"',
        'f"{folder}libpython{version}.so"',
        'f"libpython{3}.{9}.so"',
        'f"lib{f"python3"}.so"' if sys.version_info >= (3, 12) else "f\"lib{'python3'}.so\"",
        '"libpython%d.%d.so" % sys.version_info[:2]',
        '"libpython%s.so" % version',
        '"lib%s%s" % ("python", "3.9.so")',
        '"lib%%%s" % "" and "libpython3.so"',
        '"%s%s" % ("libpython",)',
        '"libpython%(version)s.so" % {"version": version}',
        '"libpython{}.{}.so".format(*sys.version_info)',
        '"libpython{0[0]}.{0[1]}.so".format(sys.version_info)',
        '"libpython{v.major}.so".format(v=sys.version_info)',
        '"libpython{v.micro}.so".format(v=sys.version_info)',
        '"lib{}{}.so".format("python", 3)',
        '"lib{1}{0}.so".format("3.9", "python")',
        '"lib{name}.so".format(name="python3")',
        '"lib{name}.so".format(name="python{}".format(*version))',
        '"libpython{}".format()',
        '"libpython" + version',
        '"libpython" + version + ".so"',
        '"libpython" + str(sys.version_info[0]) + "." + str(sys.version_info[1]) + ".so"',
        '"lib" + "python" + "3.9" + ".so"',
        'os.path.join(folder, "libpython3.9.so")',
        'os.path.join(sys.prefix, "lib", f"libpython{version}.so")',
        'os.path.realpath(os.path.join(folder, "libpython3.9.so"))',
        'pathlib.Path(folder) / "libpython3.9.so"',
        'str(pathlib.Path(folder, "libpython3.9.so"))',
        'find() or "libpython3.9.so"',
        '"libpython3.9.so" if sys.platform == "linux" else "python39.dll"',
        '"python39.dll" if sys.platform == "win32" else "libpython3.9.so"',
        'path := "libpython3.9.so"',
        'sysconfig.get_config_var("LDLIBRARY")',
        'sysconfig.get_config_var("INSTSONAME")',
        'distutils.sysconfig.get_config_var("LDLIBRARY")',
        'os.path.join(sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME"))',
        'sysconfig.get_config_var("INSTSONAME") or sysconfig.get_config_var("LDLIBRARY")',
        'sysconfig.get_config_vars()["LDLIBRARY"]',
        'sysconfig.get_config_vars().get("LDLIBRARY", "")',
    ],
)
@pytest.mark.parametrize(
    "function",
    ["ctypes.CDLL", "ctypes.PyDLL", "ctypes.cdll.LoadLibrary", "ctypes.pydll.LoadLibrary"],
)
def test_name_that_is_found(argument: str, function: str) -> None:
    if ":=" in argument:
        argument = f"({argument})"
    assert is_found(argument, function)


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "None",
        "*python",
        "mode=4",
        "python",
        "python()",
        "lambda: 'libpython3.so'",
        "python.names[0]",
        "python['LDLIBRARY']",
        "python.get('LDLIBRARY')",
        "-1, 'libpython3.so'",
        "True, 'python'",
        "123456, 'python'",
        '"libpythonic.so"',
        '"libpython_wrapper.so"',
        '"libPythonSupport.so"',
        '"libpython"',
        '"mylibpython3.so"',
        '"python39.dll"',
        '"libpython3.9.dll"',
        'f"libpython{version}.dll"',
        '"libpython3/other.so"',
        '"/opt/libpython3.9/lib/libfoo.so"',
        '"libpython{version}.so"',
        '"libpython%s.so"',
        '"libfoo.so" if python else "libbar.so"',
        'f"libfoo{python}.so"',
        '"libpython" * 3',
        '"libpython" - version',
        '"libpython{".format(3)',
        '"libpython3.so".upper()',
        'os.path.join()  or  "python"',
        'os.path.exists("libpython3.9.so")',
        'os.path.dirname("libpython3.9.so")',
        'str() or "python"',
        'sysconfig.get_config_var("LIBDIR") + "/python"',
        'sysconfig.get_config_vars().get() or "python"',
        'sysconfig.get_config_vars("LDLIBRARY")',
        "sysconfig.get_config_var(python)",
        '"' + "x" * 5000 + 'libpython3.9.so"',
        '"' + "x" * 3000 + '" + "' + "x" * 3000 + 'libpython3.9.so"',
        'ctypes.util.find_library("c") or "python"',
    ],
    ids=lambda argument: argument[:50],
)
def test_name_that_is_not_found(argument: str) -> None:
    assert not is_found(argument)


@pytest.mark.parametrize(
    "argument",
    [
        '"python"',
        '"python3"',
        '"python3.9"',
        '"python3.8m"',
        '"python2.7"',
        'name="python3.9"',
        'f"python{version}"',
        'f"python3.{minor}"',
        'f"python{major}.{minor}"',
        '"python" + version',
        '"python%s" % version',
        '"python%d" % sys.version_info[0]',
        '"python%d.%d" % sys.version_info[:2]',
        '"python{}.{}".format(*sys.version_info)',
        '"python" + sysconfig.get_config_var("VERSION") + sys.abiflags',
    ],
)
def test_find_library_that_is_found(argument: str) -> None:
    assert is_found(argument, "ctypes.util.find_library")


@pytest.mark.parametrize(
    "argument",
    [
        '"c"',
        '"python27"',
        '"python39"',
        '"python3.dll"',
        '"python3.9.dll"',
        'f"python{version}.dll"',
        '"Python.Runtime"',
        '"pythonic"',
        '"libpython3.9.so"',
        '"python%d%d" % sys.version_info[:2]',
        '"python{}{}".format(*sys.version_info)',
        '"python{0.major}{0.minor}".format(sys.version_info)',
        'f"python{sys.version_info.major}{sys.version_info.minor}"',
        'f"python{sys.version_info[0]}{sys.version_info[1]}"',
        'f"python{major}{minor}"',
        '"python" + sysconfig.get_config_var("py_version_nodot")',
    ],
)
def test_find_library_that_is_not_found(argument: str) -> None:
    assert not is_found(argument, "ctypes.util.find_library")


@pytest.mark.parametrize(
    ("imported", "call"),
    [
        ("import ctypes", "ctypes.CDLL"),
        ("import ctypes as C", "C.CDLL"),
        ("import ctypes.util", "ctypes.PyDLL"),
        ("import ctypes.util as cu, ctypes", "ctypes.cdll.LoadLibrary"),
        ("from ctypes import CDLL", "CDLL"),
        ("from ctypes import PyDLL as X", "X"),
        ("from ctypes import cdll", "cdll.LoadLibrary"),
        ("from ctypes import pydll as p", "p.LoadLibrary"),
        ("from ctypes import *", "CDLL"),
        ("from ctypes import *", "cdll.LoadLibrary"),
        ("import ctypes; load = ctypes.CDLL", "load"),
        ("import ctypes; loader = ctypes.cdll", "loader.LoadLibrary"),
        ("try:\n  import ctypes\nexcept ImportError:\n  ctypes = None", "ctypes.CDLL"),
        ("", "__import__; ctypes.CDLL"),
    ],
)
def test_ways_to_import_a_loader(imported: str, call: str) -> None:
    source = f'{imported}\n{call}("libpython3.9.so")\n'
    assert lines_of(source.encode()) == [source.count("\n")]


@pytest.mark.parametrize(
    ("imported", "call"),
    [
        ("import ctypes.util", "ctypes.util.find_library"),
        ("import ctypes.util as cu", "cu.find_library"),
        ("from ctypes import util", "util.find_library"),
        ("from ctypes.util import find_library as find", "find"),
        ("from ctypes.util import *", "find_library"),
    ],
)
def test_ways_to_import_find_library(imported: str, call: str) -> None:
    assert lines_of(f'{imported}\n{call}("python3.9")\n'.encode()) == [2]


@pytest.mark.parametrize(
    ("imported", "argument"),
    [
        ("from os.path import join", 'join("lib", "libpython3.so")'),
        ("from os.path import *", 'join("lib", "libpython3.so")'),
        ("from os import path", 'path.join("lib", "libpython3.so")'),
        ("import os.path as p", 'p.join("lib", "libpython3.so")'),
        ("from sysconfig import get_config_var as var", 'var("LDLIBRARY")'),
        ("from sysconfig import *", 'get_config_var("LDLIBRARY")'),
        ("from distutils import sysconfig", 'sysconfig.get_config_vars()["LDLIBRARY"]'),
        ("from sys import version_info as v, version_info", '"libpython%d.so" % version_info[0]'),
        ("from pathlib import Path", 'Path("/usr/lib") / "libpython3.so"'),
    ],
)
def test_ways_to_import_what_makes_a_name(imported: str, argument: str) -> None:
    assert lines_of(f"import ctypes\n{imported}\nctypes.CDLL({argument})\n".encode()) == [3]


@pytest.mark.parametrize(
    "source",
    [
        'import ctypes\ndef CDLL(name): pass\nCDLL("libpython3.so")\n',
        'import ctypes\nclass CDLL: pass\nCDLL("libpython3.so")\n',
        'import ctypes\nCDLL("libpython3.so")\n',
        'from .ctypes import CDLL\nCDLL("libpython3.so")\n',
        'from . import CDLL, ctypes\nCDLL("libpython3.so")\n',
        'from other import CDLL  # not of ctypes\nCDLL("libpython3.so")\n',
        'from other import *  # not of ctypes\nCDLL("libpython3.so")\n',
        'import ctypes\nctypes.WinDLL("libpython3.so")  # CDLL\n',
        "import ctypes\nctypes.pythonapi.PyList_New(0)  # not CDLL\n",
        'import ctypes\n# ctypes.CDLL("libpython3.so")\n',
        'import ctypes\n"""Like ctypes.CDLL("libpython3.so")"""\n',
        "import ctypes\nx = 'ctypes.CDLL(\"libpython3.so\")'\n",
    ],
)
def test_what_is_no_load(source: str) -> None:
    assert mentions_libpython(source.encode())
    assert lines_of(source.encode()) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            """
            import ctypes
            NAME = "libpython3.9.so"
            lib = ctypes.CDLL(NAME)
            """,
            [4],
            id="of the module",
        ),
        pytest.param(
            """
            import ctypes
            def load():
                return ctypes.CDLL(NAME)
            NAME = "libpython3.9.so"
            """,
            [4],
            id="assigned after the function",
        ),
        pytest.param(
            """
            def load(version):
                import ctypes, os
                name = f"libpython{version}.so"
                path = os.path.join("/usr/lib", name)
                if os.path.isfile(path):
                    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
            """,
            [7],
            id="of a function, through another name",
        ),
        pytest.param(
            """
            import ctypes
            name = "libpython3.9.so"
            def load(name, *more, key=None, **rest):
                ctypes.CDLL(name)
            async def wait(*, name):
                ctypes.CDLL(name)
            use = lambda name: ctypes.CDLL(name)
            """,
            [],
            id="hidden by an argument",
        ),
        pytest.param(
            """
            import ctypes
            name = "libpython3.9.so"
            name = "libfoo.so"
            ctypes.CDLL(name)
            name = "libpython3.9.so"
            ctypes.CDLL(name)
            """,
            [7],
            id="assigned again",
        ),
        pytest.param(
            """
            import ctypes, sys
            if sys.platform == "win32":
                name = "python39.dll"
            elif sys.platform == "darwin":
                name = "Python"
            else:
                name = "libpython3.9.so"
            ctypes.CDLL(name)
            """,
            [9],
            id="a name for each platform",
        ),
        pytest.param(
            """
            import ctypes, sys
            name = None
            if sys.platform == "linux":
                name = "libpython3.9.so"
            ctypes.CDLL(name)
            """,
            [6],
            id="in one branch",
        ),
        pytest.param(
            """
            import ctypes, sys
            if sys.platform == "linux":
                name = "libpython3.9.so"
            else:
                ctypes.CDLL(name)
            """,
            [],
            id="in the other branch",
        ),
        pytest.param(
            """
            import ctypes
            for name in ("libfoo.so", "libpython3.9.so"):
                ctypes.CDLL(name)
            for name in names:
                ctypes.CDLL(name)
            while ctypes.CDLL("libpython3.so"):
                other = "libpython3.so"
            else:
                ctypes.CDLL(other)
            """,
            [4, 7, 10],
            id="loops",
        ),
        pytest.param(
            """
            import ctypes
            all = [ctypes.CDLL(name) for name in ["libpython3.9.so", "libpython3.so"]]
            none = {ctypes.CDLL(name) for name in names}
            """,
            [3],
            id="comprehensions",
        ),
        pytest.param(
            """
            import ctypes
            try:
                name = "libpython3.9.so"
                lib = ctypes.CDLL(name)
            except OSError:
                lib = ctypes.CDLL(name + ".1.0")
            else:
                ctypes.CDLL("libpython3.so")
            finally:
                ctypes.CDLL(name)
            """,
            [5, 7, 9, 11],
            id="try",
        ),
        pytest.param(
            """
            import ctypes
            with open("libpython3.so") as name, lock:
                ctypes.CDLL(name)
                ctypes.CDLL("libpython3.so")
            with pair() as (name, [other, *rest]), item() as self.name:
                ctypes.CDLL(other)
            """,
            [5],
            id="with",
        ),
        pytest.param(
            """
            import ctypes
            @register(ctypes.CDLL("libpython3.1.so"))
            class Library(Base, lib=ctypes.CDLL("libpython3.2.so")):
                name = "libpython3.3.so"
                lib = ctypes.CDLL(name)
                def load(self, default=ctypes.CDLL("libpython3.4.so")):
                    return ctypes.CDLL(name)
                async def wait(self):
                    async for x in y:
                        async with z:
                            await ctypes.CDLL("libpython3.5.so")
            """,
            [3, 4, 6, 7, 12],
            id="class, whose names its methods don't see",
        ),
        pytest.param(
            """
            import ctypes
            name = "lib"
            name += "python3.so"
            ctypes.CDLL(name)
            typed: str = "libpython3.so"
            ctypes.CDLL(typed)
            bare: str
            ctypes.CDLL(bare)
            a = b = "libpython3.so"
            ctypes.CDLL(b)
            c, d = "libpython3.so", 1
            ctypes.CDLL(c)
            table["x"] = "libpython3.so"
            ctypes.CDLL(table["x"])
            if (walrus := "libpython3.so"):
                ctypes.CDLL(walrus)
            """,
            [5, 7, 11, 17],
            id="kinds of assignment",
        ),
        pytest.param(
            """
            import ctypes
            ctypes.cdll["libpython3.so"]
            ctypes.pydll["libpython%s.so" % version].Py_IsInitialized()
            ctypes.cdll["libfoo.so"]
            """,
            [3, 4],
            id="by index",
        ),
        pytest.param(
            """
            import ctypes, ctypes.util
            lib = ctypes.CDLL(ctypes.util.find_library("python3.9") or "libpython3.9.so")
            path = ctypes.util.find_library("python3.9")
            lib = ctypes.CDLL(path)
            lib = ctypes.CDLL(
                "libpython3.9.so"); lib = ctypes.CDLL("libpython3.so")
            """,
            [3, 4, 6, 7],
            id="one of each line, and find_library once",
        ),
        pytest.param(
            """
            import ctypes
            def outer():
                name = "libpython3.so"
                def inner():
                    return ctypes.CDLL(name)
                return inner
            """,
            [6],
            id="function in a function",
        ),
        pytest.param(
            """
            import ctypes
            if a:
                pass
            elif ctypes.CDLL("libpython3.so"):
                pass
            elif c:
                if d:
                    ctypes.CDLL("libpython3.so")
            else:
                pass
                ctypes.CDLL("libpython3.so")
            """,
            [5, 9, 12],
            id="elif",
        ),
        pytest.param(
            "\nimport ctypes as C\n" + "C = C.c\n" * 200 + 'C("libpython3.so")  # CDLL\n',
            [],
            id="reference without end",
        ),
        pytest.param(
            "\nimport ctypes\nn = 'libpython3.so'\n" + "n = n + n\n" * 200 + "ctypes.CDLL(n)\n",
            [],
            id="name without end",
        ),
        pytest.param(
            "\nimport ctypes\n"
            + "".join(f"if a{n}:\n  n = 'lib{n}/'\n" for n in range(20))
            + "ctypes.CDLL(n + 'libpython3.so')\n",
            [43],
            id="many alternatives",
        ),
    ],
)
def test_what_a_name_stands_for(source: str, expected: list[int]) -> None:
    ast.parse(dedent(source))
    assert lines_of(source) == expected


@pytest.mark.skipif(sys.version_info < (3, 10), reason="match is new in 3.10")
def test_match_statement() -> None:
    source = """
        import ctypes, sys
        match ctypes.CDLL("libpython3.so"):
            case "linux":
                name = "libpython3.9.so"
            case _:
                ctypes.CDLL("libpython3.so")
        ctypes.CDLL(name)
        """
    assert lines_of(source) == [3, 7, 8]


#: What no Python parses: the source is searched line by line
BROKEN = "print 'Python 2'\n"


@pytest.mark.parametrize(
    "line",
    [
        'ctypes.CDLL("libpython2.7.so")',
        "lib = CDLL ( 'libpython2.7.so.1.0', mode=RTLD_GLOBAL)",
        'ctypes.PyDLL("/usr/lib/libpython2.7.so")',
        'cdll.LoadLibrary("libpython%d.%d.so" % sys.version_info[:2])',
        'cdll.LoadLibrary("libpython{}.so".format(version))',
        'cdll.LoadLibrary(f"libpython{version}.so")',
        'CDLL("libpython" + version)',
        'CDLL("libpython" % version)',
        'CDLL(os.path.join("a;b", "libpython2.7.so"))',
        "CDLL(os.path.join('a;b', 'libpython2.7.so'))",
        'CDLL(sysconfig.get_config_var("LDLIBRARY"))',
        "CDLL(get_config_vars()['INSTSONAME'])",
        'CDLL(util.find_library("python2.7"))',
        'find_library("python")',
        'find_library("python3")',
        'find_library("python%d.%d" % v)',
        'find_library("python%s" % v)',
        'find_library("python{}.{}".format(*v))',
        'find_library(f"python{v}")',
        'CDLL("libfoo.so"); CDLL("libpython2.7.so")',
        "print 'it''s', CDLL(\"libpython2.7.so\") # why",
    ],
)
def test_line_that_is_found(line: str) -> None:
    source = f'# of ctypes\n{BROKEN}"""of\nmore\nlines"""\n{line}\nCDLL(None)\n'
    for content in (source, source.replace("\n", "\r\n"), source.replace("\n", "\r")):
        assert lines_of(content.encode()) == [6]


@pytest.mark.parametrize(
    "line",
    [
        '# CDLL("libpython2.7.so")',
        'x = 1  # CDLL("libpython2.7.so")',
        '"""CDLL("libpython2.7.so")"""',
        "'''\nCDLL(\"libpython2.7.so\")\n'''",
        '"""CDLL("libpython2.7.so")',
        'CDLL("libpythonic.so")',
        'CDLL("libpython2.7.dll")',
        'CDLL("python27.dll")',
        'CDLL("libfoo.so"); x = "libpython2.7.so"',
        'os.path.exists("libpython2.7.so")',
        'find_library("python27")',
        'find_library("python%d%d" % v)',
        'find_library("python3.dll")',
        'find_library("pythonic")',
        'CDLL(None, "unclosed)',
        "CDLL(" + " " * 300 + '"libpython2.7.so")',
    ],
)
def test_line_that_is_not_found(line: str) -> None:
    assert lines_of(f"# of ctypes\n{BROKEN}CDLL(find_library('c'))\n{line}\n".encode()) == []


@pytest.mark.parametrize(
    "beginning",
    [
        b"print 'Python 2'\n",
        b"\0\n",
        b"# coding: of-no-language\n",
        b"# coding: punycode\n",
        b"# coding: rot13\n",
        b"# coding: ascii, \xff\n",
        b"\xff\n",
        b"x = " + b"-" * 100_000 + b"1\n",
        b"x = 1" + b"+1" * 100_000 + b"\n",
        b"x" + b".b" * 1_000_000 + b"\n",
        b"x" + b"(1)" * 900 + b"\n",
        b"x = " + b"[" * 1000 + b"\n",
        b"x = " + b"9" * 10_000 + b"\n" if sys.version_info >= (3, 11) else b"!\n",
    ],
    ids=lambda beginning: repr(beginning[:20]),
)
def test_what_is_not_parsed_is_searched_by_line(beginning: bytes) -> None:
    content = b"# ctypes\n" * (not beginning.startswith(b"#"))
    content += beginning + b'# ctypes\nCDLL("libpython2.7.so")\n'
    assert lines_of(content) == [content.count(b"\n")]


@pytest.mark.parametrize(
    ("line", "is_parsed"),
    [
        ("x = a.b + c" + "\n" * 2, True),
        ("x = '(' # (((" + "\n", True),
        ("x = 1.5, 2.5, 3.5\n", True),
        ("x = f'{a.b}'\n", True),
        ("if a:\n  x = b\nelif c:\n  x = d\n", False),
        (".b", False),
        ("()", False),
        ("+1", False),
        (" if b else c", False),
    ],
)
def test_deep_statements_are_searched_by_line(line: str, is_parsed: bool) -> None:  # noqa: FBT001 - one column
    """The name is a variable's, which is found in the syntax tree alone."""
    source = "a" + line * 1100 if line.startswith((".", "(", "+", " ")) else line * 1100
    content = f"import ctypes\nname = 'libpython3.so'\n{source}\nctypes.CDLL(name)\n"
    ast.parse(content)
    assert bool(lines_of(content.encode())) is is_parsed


@pytest.mark.parametrize("quotes", [1, 1100])
def test_code_in_a_formatted_string_counts(quotes: int) -> None:
    code = "a" + "+a" * quotes
    content = f"import ctypes\nname = 'libpython3.so'\nx = F'{{{code}}}'\nctypes.CDLL(name)\n"
    assert bool(lines_of(content.encode())) is (quotes == 1)


def test_no_source_overflows_the_stack_of_a_thread() -> None:
    """The stack of a thread has 1 MiB on musl, and where one asks for it."""
    found: list[list[int]] = []
    pieces = [
        "+1",
        ".b",
        "[1]",
        "()",
        " if a else b",
        "\nelif a: b",
        "not ",
        "-",
        "lambda: ",
        "1**",
    ]

    def search() -> None:
        for piece in pieces:
            before = piece * 7000 + "a" if piece[-1] in " -*" else "a" + piece * 7000
            before = f"if a: b{piece * 7000}" if "elif" in piece else before
            found.append(lines_of(f'# ctypes\n{before}\nCDLL("libpython3.so")'.encode()))

    before = threading.stack_size(1 << 20)
    try:
        thread = threading.Thread(target=search)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert [len(lines) for lines in found] == [1] * len(pieces)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("# coding: latin-1\n# é\nimport ctypes\n", 4),
        ("# coding: utf-7\nimport +AGMAdAB5AHAAZQBz- as ctypes\n", 3),
        ("\ufeffimport ctypes\n", 2),
    ],
)
def test_encoding_is_that_of_the_first_lines(content: str, expected: int) -> None:
    encoding = "latin-1" if "latin" in content else "utf-8"
    source = (content + 'ctypes.CDLL("libpython3.so")\n').encode(encoding)
    assert lines_of(source) == [expected]


def test_no_warning_of_the_parser_is_seen() -> None:
    content = b'import ctypes\nx = "\\d"\nctypes.CDLL("libpython3.so")\n'
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert lines_of(content) == [3]
    assert seen == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'import ctypes\nctypes.CDLL("libpython3.so")', True),
        (b'import ctypes\nctypes.CDLL("lib" + "python3.so")', True),
        (b'from ctypes import pydll\npydll.LoadLibrary(v("LDLIBRARY"))', True),
        (b'from ctypes import cdll\ncdll[v("INSTSONAME")]', True),
        (b'from ctypes.util import find_library\nfind_library("python3")', True),
        (b'import ctypes\nctypes.CDLL("libfoo.so")', False),
        (b'ctypes.c_int\n"libpython3.so"', False),
        (b'CDLL("libpython3.so")', False),
        (b"", False),
    ],
)
def test_first_look(content: bytes, expected: bool) -> None:  # noqa: FBT001 - one column of the table
    assert mentions_libpython(content) is expected


def test_finding_says_what_works_instead() -> None:
    content = (
        b'import ctypes.util\nctypes.CDLL(f"lib/libpython{v}.so")\n'
        b'ctypes.util.find_library("python3")\n'
    )
    load, search = libpython_loads(content, "a/b.py")
    assert (load.code, load.subject) == (LIBPYTHON_BY_NAME, "a/b.py:2")
    assert load.sentence.startswith("ctypes.CDLL loads 'libpython{}.so' by name: ")
    assert "ctypes.pythonapi works with a shared and a static interpreter" in load.sentence
    assert (search.code, search.subject) == (LIBPYTHON_BY_NAME, "a/b.py:3")
    assert search.sentence.startswith("ctypes.util.find_library looks for 'python3' by name: ")


def test_sentence_is_one_short_line_whatever_the_name() -> None:
    name = b"libpython3\\n\\x1b[2J" + b"x" * 1000
    [finding] = libpython_loads(b'import ctypes\nctypes.CDLL("' + name + b'")\n', "m.py")
    assert finding.sentence.isprintable()
    assert len(finding.sentence) < 400


WORDS = st.sampled_from(
    re.findall(
        r"[^ \n]+|\n *",
        """
        import from ctypes ctypes.util sysconfig os as util CDLL PyDLL cdll pydll LoadLibrary find_library
        get_config_var get_config_vars ctypes.CDLL ctypes.cdll.LoadLibrary ctypes.util.find_library os.path.join
        "libpython3.9.so" "libpython" "lib{}" "python3.9" "python%d" "python{0.major}" f"libpython{a}" "LDLIBRARY"
    name a = := + += / % ( ) [ ] { } , . : ; * ** if elif else for in while try except finally with def class lambda
            return async await match case global .format \\ # ' \'\'\' 1
""",
    )
)
PIECES = st.lists(WORDS, max_size=60).map(" ".join)


@given(st.one_of(st.binary(), st.text().map(str.encode), PIECES.map(str.encode)))
@example(b"")
def test_any_bytes_give_a_list(content: bytes) -> None:
    content = b"# ctypes CDLL python\n" + content
    for finding in libpython_loads(content, "m.py"):
        assert finding.code is LIBPYTHON_BY_NAME
        path, _, line = finding.subject.rpartition(":")
        assert path == "m.py"
        assert 1 < int(line) <= content.count(b"\n") + content.count(b"\r") + 1


@given(st.one_of(st.binary(), PIECES.map(str.encode)))
@example(b'import ctypes\nctypes.CDLL("libpython3.so")')
@example(b'import ctypes\nctypes.cdll.LoadLibrary("libpython3.so")')
def test_what_has_findings_is_mentioned(content: bytes) -> None:
    assert mentions_libpython(content) or not libpython_loads(content, "m.py")


ARGUMENTS = st.sampled_from(
    [
        '"libpython3.9.so"',
        'f"libpython{v}.so"',
        '"libpython%s.so" % v',
        '"libpython" + v',
        'os.path.join(d, "libpython3.so")',
        'get_config_var("LDLIBRARY")',
    ]
)


@given(
    ARGUMENTS,
    st.sampled_from(["CDLL", "PyDLL", "cdll.LoadLibrary", "pydll.LoadLibrary"]),
    st.integers(0, 4),
    st.integers(0, 20),
)
def test_a_load_is_found_wherever_it_stands(
    argument: str, loader: str, depth: int, before: int
) -> None:
    lines = ["import os; from ctypes import *; from sysconfig import get_config_var"]
    lines += ["x = 1"] * before
    for level in range(depth):
        head = ("if x:", "def f():", "class C:", "while x:", "try:")[(level + before) % 5]
        lines.append("    " * level + head)
    lines.append("    " * depth + f"lib = {loader}({argument})")
    for level in reversed(range(depth)):
        if lines[before + 1 + level].strip() == "try:":
            lines.append("    " * level + "finally: pass")
    source = "\n".join(lines)
    ast.parse(source)
    expected = [before + depth + 2]
    assert lines_of(source.encode()) == expected
    # the same by line, after something that no Python parses
    assert lines_of((source + "\nprint 'x'").encode()) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"CDLL(" * 20,
        b"'" * 99,
        b'"' * 98 + b"'",
        b'CDLL("\\',
        b"get_config_var" * 7,
        b"n = n + n",
        b"x = [a for a in a]",
        b"'%s' % (CDLL(a)) #",
        b"if a:\n  b = 'c'",
    ],
)
@pytest.mark.parametrize("end", [b"", b"print 'x'\n"])
@pytest.mark.parametrize("between", [b"\n", b" "])
def test_time_grows_no_faster_than_the_source(line: bytes, end: bytes, between: bytes) -> None:
    """A second is many times what is needed; what grows with the square takes minutes."""
    content = b"import ctypes; n = 'CDLL python'\n" + (line + between) * 2000 + b"\n" + end
    begun = perf_counter()
    assert lines_of(content) == []
    assert perf_counter() - begun < 5


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"'{0}{0}'.format(", b")"),
        (b"'%s%s' % (", b")"),
        (b"'%s%s' % (1, ", b")"),
        (b"f(", b")"),
        (b"", b"(1)"),
        (b"", b".get(1)"),
        (b"", b".format(1)"),
        (b"", b"[CDLL(1)]"),
        (b"[CDLL(n) for n in ", b"]"),
        (b"(lambda n: ", b")"),
        (b"a or (", b")"),
        (b"a if b else (", b")"),
    ],
)
def test_time_does_not_double_with_each_level(before: bytes, after: bytes) -> None:
    content = b"from ctypes import CDLL\nCDLL(" + before * 60 + b"python" + after * 60 + b")\n"
    begun = perf_counter()
    assert lines_of(content) == []
    assert perf_counter() - begun < 5
