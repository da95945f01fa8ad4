"""Calls that load libpython by name, in the syntax tree of Python source.

Statements are followed in their order, so that a name means what was last assigned to it; after an ``if`` or a loop
it may mean any of what its branches assigned. The bodies of functions come after the rest of their module.
"""

from __future__ import annotations

import ast
import re
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from wheelfix._python_values import (
    NUMBER,
    UNKNOWN,
    Reference,
    Scope,
    elements,
    evaluate,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wheelfix._python_values import Values

__all__ = ["Load", "loads_of"]

_FIND = "ctypes.util.find_library"
_OPENING = frozenset(
    ["ctypes.CDLL", "ctypes.PyDLL", "ctypes.cdll.LoadLibrary", "ctypes.pydll.LoadLibrary"]
)
# CPython Lib/ctypes/__init__.py, LibraryLoader.__getitem__: cdll["name"] loads as well
_LOADERS = frozenset(["ctypes.cdll", "ctypes.pydll"])

# What `from module import *` brings, of what matters here
_STARRED = {
    "ctypes": ("CDLL", "PyDLL", "cdll", "pydll"),
    "ctypes.util": ("find_library",),
    "distutils.sysconfig": ("get_config_var", "get_config_vars"),
    "os": ("path",),
    "os.path": ("join",),
    "sysconfig": ("get_config_var", "get_config_vars"),
}

_ANY = f"{NUMBER}{UNKNOWN}"
_LIBPYTHON = re.compile(rf"(?<![A-Za-z0-9_])libpython[0-9{_ANY}](?!.*\.dll\Z)", re.DOTALL)
# find_library puts "lib" before it and ".so" behind. Two numbers without a dot are the name of a DLL: python39.
_PYTHON = re.compile(rf"python(?:[23{NUMBER}]?|[23{NUMBER}]\..+|{UNKNOWN}.*)(?<!\.dll)", re.DOTALL)


class Load(NamedTuple):
    """One call.

    :param line: where it begins, from 1 on.
    :param function: the function of ctypes that is called.
    :param library: its argument, ``{}`` for what isn't known of it.
    """

    line: int
    function: str
    library: str


def loads_of(tree: ast.Module) -> list[Load]:
    """Find every call that loads libpython by name, at most one of each line, in the order of the lines.

    :raises RecursionError: an expression is nested too deeply.
    """
    walk = _Walk()
    walk.module(tree)
    first: dict[int, Load] = {}
    for _, load in sorted(walk.found):
        first.setdefault(load.line, load)
    return list(first.values())


class _Walk:
    def __init__(self) -> None:
        self.found: list[tuple[tuple[int, int], Load]] = []
        self._later: deque[tuple[ast.FunctionDef | ast.AsyncFunctionDef, Scope]] = deque()

    def module(self, tree: ast.Module) -> None:
        scope = Scope()
        self._block(tree.body, scope, scope)
        while self._later:
            function, home = self._later.popleft()
            scope = Scope(home)
            _bind_arguments(function.args, scope)
            self._block(function.body, scope, scope)

    def _block(self, statements: Iterable[ast.stmt], scope: Scope, home: Scope) -> None:
        """Follow statements; ``home`` is the scope that the functions defined in them will see."""
        for statement in statements:
            self._statement(statement, scope, home)

    def _statement(self, node: ast.stmt, scope: Scope, home: Scope) -> None:
        if isinstance(node, ast.If):
            self._if(node, scope, home)
            return
        self._expressions(node, scope)
        _bind_simple(node, scope)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._later.append((node, home))
        elif isinstance(node, ast.ClassDef):
            self._block(node.body, scope.branch(), home)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            branch = scope.branch()
            if not isinstance(node, ast.While):
                _bind(node.target, elements(node.iter, scope), branch)
            self._block([*node.body, *node.orelse], branch, home)
            scope.merge([branch, scope.branch()])
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            self._block(node.body, scope, home)
        else:
            self._other_blocks(node, scope, home)

    def _if(self, node: ast.If, scope: Scope, home: Scope) -> None:
        """Follow an ``if`` with every ``elif``, each of which is nested in the one before."""
        blocks: list[Sequence[ast.stmt]] = []
        rest: Sequence[ast.stmt] = [node]
        while len(rest) == 1 and isinstance(rest[0], ast.If):
            self._expression(rest[0].test, scope)
            blocks.append(rest[0].body)
            rest = rest[0].orelse
        self._branches([*blocks, rest], scope, home)

    def _other_blocks(self, node: Any, scope: Scope, home: Scope) -> None:
        """Follow ``try``, ``except*`` (3.11) and ``match`` (3.10), of which ast has not everywhere a class."""
        if hasattr(node, "handlers"):
            self._branches([[*node.body, *node.orelse], []], scope, home)
            self._branches([[], *(handler.body for handler in node.handlers)], scope, home)
            self._block(node.finalbody, scope, home)
        else:
            cases = getattr(node, "cases", ())
            self._branches([[], *(case.body for case in cases)], scope, home)

    def _branches(self, blocks: Iterable[Sequence[ast.stmt]], scope: Scope, home: Scope) -> None:
        branches = []
        for block in blocks:
            branch = scope.branch()
            self._block(block, branch, home)
            branches.append(branch)
        scope.merge(branches)

    def _expressions(self, node: ast.stmt, scope: Scope) -> None:
        """Look at what a statement evaluates itself, without the statements in it."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.expr, ast.keyword, ast.withitem, ast.arguments)):
                self._expression(child, scope)

    def _expression(self, node: ast.AST, scope: Scope) -> None:
        inside = scope.branch()
        nodes = list(ast.walk(node))
        for part in nodes:
            if isinstance(part, ast.NamedExpr):
                _bind(part.target, evaluate(part.value, inside), scope)
            elif isinstance(part, ast.comprehension):
                _bind(part.target, elements(part.iter, inside), inside)
            elif isinstance(part, ast.Lambda):
                _bind_arguments(part.args, inside)
        for part in nodes:
            if isinstance(part, ast.Call):
                self._call(part, inside)
            elif isinstance(part, ast.Subscript) and _references(part.value, inside) & _LOADERS:
                self._load(part, "ctypes.cdll", part.slice, inside)

    def _call(self, node: ast.Call, scope: Scope) -> None:
        named = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
        argument = next(iter([*node.args, *named]), None)
        if argument is None:
            return
        for function in _references(node.func, scope) & (_OPENING | {_FIND}):
            self._load(node, function, argument, scope)

    def _load(
        self, node: ast.Call | ast.Subscript, function: str, argument: ast.expr, scope: Scope
    ) -> None:
        for text in texts(evaluate(argument, scope)):
            name = re.split(r"[/\\]", text)[-1]
            if _PYTHON.fullmatch(name) if function == _FIND else _LIBPYTHON.search(name):
                library = name.replace(UNKNOWN, "{}").replace(NUMBER, "{}")
                place = (node.lineno, node.col_offset)
                self.found.append((place, Load(node.lineno, function, library)))
                return


def _references(node: ast.expr, scope: Scope) -> set[str]:
    return {value.dotted for value in evaluate(node, scope) if isinstance(value, Reference)}


def _bind(target: ast.expr, values: Values, scope: Scope) -> None:
    """Bind the names of a target; of several each is unknown."""
    if isinstance(target, ast.Name):
        scope.bind(target.id, values)
    elif isinstance(target, (ast.List, ast.Starred, ast.Tuple)):
        for part in ast.walk(target):
            if isinstance(part, ast.Name):
                scope.bind(part.id, ())


def _bind_arguments(arguments: ast.arguments, scope: Scope) -> None:
    for part in ast.walk(arguments):
        if isinstance(part, ast.arg):
            scope.bind(part.arg, ())


def _bind_simple(node: ast.stmt, scope: Scope) -> None:
    """Bind what a statement binds before any block of it is run."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        scope.bind(node.name, ())
    elif isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            scope.bind(alias.asname or name, (Reference(name),))
    elif isinstance(node, ast.ImportFrom):
        _import_from(node, scope)
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        for item in node.items:
            if item.optional_vars is not None:
                _bind(item.optional_vars, (), scope)
    elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        _assign(node, scope)


def _assign(node: ast.Assign | ast.AnnAssign | ast.AugAssign, scope: Scope) -> None:
    value = node.value
    if isinstance(node, ast.AugAssign):
        value = ast.BinOp(node.target, node.op, node.value)
    # an annotation alone
    if value is None:
        return
    values = evaluate(value, scope)
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        _bind(target, values, scope)


def _import_from(node: ast.ImportFrom, scope: Scope) -> None:
    # of a package that isn't named, nothing is known
    module = "" if node.level else node.module or ""
    for alias in node.names:
        for name in _STARRED.get(module, ()) if alias.name == "*" else (alias.name,):
            bound = alias.asname or name
            scope.bind(bound, (Reference(f"{module}.{name}"),) if module else ())
