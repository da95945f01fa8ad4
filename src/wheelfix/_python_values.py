"""What the strings of Python source may be, as far as its text tells: nothing is run.

An expression's value is a few alternatives. Each is a text, in which what isn't known stands as ``UNKNOWN`` and a
single number of a version as ``NUMBER``, or a reference to something imported: ``ctypes.CDLL``.
"""

from __future__ import annotations

import ast
import re
from itertools import islice, product
from string import Formatter
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Union

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["NUMBER", "UNKNOWN", "Reference", "Scope", "Values", "elements", "evaluate", "texts"]

# Noncharacters, which Unicode keeps for use inside a program
UNKNOWN = "\ufdd0"
NUMBER = "\ufdd1"

# More than a few ways to spell one library's name don't occur
_ALTERNATIVES = 8
# characters; the longest path that Linux takes (PATH_MAX)
_LONGEST = 4096
# characters; far above "distutils.sysconfig.get_config_vars"
_LONGEST_REFERENCE = 100

_JOINING = frozenset(
    f"{module}.{name}"
    for module, names in (
        ("os.path", ("join",)),
        ("posixpath", ("join",)),
        ("pathlib", ("Path", "PosixPath", "PurePath", "PurePosixPath")),
    )
    for name in names
)
_PASSING_ON = frozenset(
    ["str", "os.fspath", "os.fsencode", "os.path.abspath", "os.path.normpath", "os.path.realpath"]
)
_CONFIG_VAR = frozenset(["sysconfig.get_config_var", "distutils.sysconfig.get_config_var"])
_CONFIG_VARS = frozenset(["sysconfig.get_config_vars", "distutils.sysconfig.get_config_vars"])

# CPython configure.ac, where the interpreter is built with --enable-shared; without, both name the
# static library
_CONFIGURED = {
    "LDLIBRARY": f"libpython{UNKNOWN}.so",
    "INSTSONAME": f"libpython{UNKNOWN}.so.1.0",
    "py_version_nodot": NUMBER + NUMBER,
}

_PERCENT = re.compile(
    r"%(?:\([^)]*\))?[#0\- +]*(?:\*|[0-9]+)?(?:\.(?:\*|[0-9]+))?[hlL]?(?P<type>[a-zA-Z%])"
)


class Reference(NamedTuple):
    """Something imported or built in.

    :param dotted: its name, from the outermost package on.
    """

    dotted: str


Value = Union[str, Reference]
Values = tuple[Value, ...]


class Scope:
    """Which name has which values, at one place of the source.

    :param outer: where names are looked up that aren't bound here.
    """

    def __init__(self, outer: Scope | None = None) -> None:
        self.outer = outer
        self.bound: dict[str, Values] = {}

    def get(self, name: str) -> Values:
        """Give what a name may be; one that is bound nowhere refers to itself."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bound:
                return scope.bound[name]
            scope = scope.outer
        return (Reference(name),)

    def bind(self, name: str, values: Values) -> None:
        """Let a name have these values from here on, and no others."""
        self.bound[name] = values

    def branch(self) -> Scope:
        """Give a scope for statements that may not be run, or for those of a block of its own."""
        return Scope(self)

    def merge(self, branches: Sequence[Scope]) -> None:
        """Go on after statements of which one of these branches was run."""
        for name in dict.fromkeys(name for branch in branches for name in branch.bound):
            self.bind(name, _union(branch.get(name) for branch in branches))


def texts(values: Values) -> list[str]:
    """Give the texts among some values; there is always one."""
    return [value for value in values if isinstance(value, str)] or [UNKNOWN]


def evaluate(node: ast.AST, scope: Scope) -> Values:
    """Give what an expression may be; nothing where this can't be told.

    :raises RecursionError: it is nested too deeply.
    """
    rule = _RULES.get(type(node))
    return () if rule is None else rule(node, scope)


def elements(node: ast.AST, scope: Scope) -> Values:
    """Give what the elements of a literal list, tuple or set may be."""
    if not isinstance(node, (ast.List, ast.Set, ast.Tuple)):
        return ()
    return _union(evaluate(element, scope) for element in node.elts)


def _union(alternatives: Iterable[Values]) -> Values:
    return tuple(
        islice(dict.fromkeys(value for values in alternatives for value in values), _ALTERNATIVES)
    )


def _joined(parts: Sequence[Sequence[str]], between: str = "") -> Values:
    if sum(len(max(part, key=len)) for part in parts) > _LONGEST:
        return ()
    return tuple(between.join(chosen) for chosen in islice(product(*parts), _ALTERNATIVES))


def _is_version_info(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        node = node.value
    return (isinstance(node, ast.Attribute) and node.attr == "version_info") or (
        isinstance(node, ast.Name) and node.id == "version_info"
    )


def _constant(node: ast.Constant, scope: Scope) -> Values:  # noqa: ARG001 - the form of a rule
    value = node.value
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        return (value,) if len(value) <= _LONGEST else ()
    # str() of a longer number takes long, or is refused
    return (str(value),) if type(value) is int and value < 1000 else ()  # noqa: PLR2004 - 3.14 has two digits


def _name(node: ast.Name, scope: Scope) -> Values:
    values = scope.get(node.id)
    if node.id in ("major", "minor") and not any(isinstance(value, str) for value in values):
        return (NUMBER,)
    return values


def _attribute(node: ast.Attribute, scope: Scope) -> Values:
    if node.attr in ("major", "minor"):
        return (NUMBER,)
    return tuple(
        Reference(f"{value.dotted}.{node.attr}")
        for value in evaluate(node.value, scope)
        if isinstance(value, Reference) and len(value.dotted) < _LONGEST_REFERENCE
    )


def _subscript(node: ast.Subscript, scope: Scope) -> Values:
    if _is_version_info(node):
        return (NUMBER,)
    if _is_call_of(node.value, _CONFIG_VARS, scope):
        return _configured(node.slice, scope)
    return ()


def _formatted_string(node: ast.JoinedStr, scope: Scope) -> Values:
    return _joined([texts(evaluate(part, scope)) for part in node.values])


def _operation(node: ast.BinOp, scope: Scope) -> Values:
    if isinstance(node.op, (ast.Add, ast.Div)):
        sides = [texts(evaluate(side, scope)) for side in (node.left, node.right)]
        return _joined(sides, "/" if isinstance(node.op, ast.Div) else "")
    if isinstance(node.op, ast.Mod):
        forms = texts(evaluate(node.left, scope))
        if isinstance(node.right, ast.Tuple):
            arguments = _arguments(node.right.elts, (), scope)
        else:
            arguments = _Arguments([], texts(evaluate(node.right, scope)), {})
        return _union(_percent(form, arguments) for form in forms)
    return ()


class _Arguments(NamedTuple):
    """What is put into a text, each evaluated once: a text may use it many times.

    :param others: stands for every argument beyond the ``positional`` ones.
    """

    positional: list[list[str]]
    others: list[str]
    named: dict[str | None, list[str]]

    def at(self, index: int) -> list[str]:
        return self.positional[index] if index < len(self.positional) else self.others


def _arguments(
    positional: Iterable[ast.expr], named: Iterable[ast.keyword], scope: Scope
) -> _Arguments:
    given = _Arguments(
        [], [UNKNOWN], {keyword.arg: texts(evaluate(keyword.value, scope)) for keyword in named}
    )
    for argument in positional:
        if isinstance(argument, ast.Starred):
            others = NUMBER if _is_version_info(argument.value) else UNKNOWN
            return given._replace(others=[others])
        given.positional.append(texts(evaluate(argument, scope)))
    return given


def _percent(form: str, arguments: _Arguments) -> Values:
    parts: list[list[str]] = []
    position = count = 0
    for match in _PERCENT.finditer(form):
        parts.append([form[position : match.start()]])
        position = match.end()
        if match["type"] == "%":
            parts.append(["%"])
            continue
        parts.append([NUMBER] if match["type"] in "diu" else arguments.at(count))
        count += 1
    return _joined([*parts, [form[position:]]])


def _format(form: str, arguments: _Arguments) -> Values:
    try:
        fields = list(Formatter().parse(form))
    except ValueError:
        return ()
    parts: list[list[str]] = []
    count = 0
    for literal, field, _, _ in fields:
        parts.append([literal])
        if field is None:
            continue
        first, inside = re.split(r"(?=[.\[])|\Z", field, maxsplit=1)
        if inside:
            is_number = inside in (".major", ".minor", "[0]", "[1]")
            parts.append([NUMBER if is_number else UNKNOWN])
        elif first.isdecimal() or not first:
            parts.append(arguments.at(int(first or count)))
        else:
            parts.append(arguments.named.get(first, [UNKNOWN]))
        count += not first
    return _joined(parts)


def _call(node: ast.Call, scope: Scope) -> Values:
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr == "format":
        forms = texts(evaluate(function.value, scope))
        arguments = _arguments(node.args, node.keywords, scope)
        return _union(_format(form, arguments) for form in forms)
    if not node.args:
        return ()
    if isinstance(function, ast.Attribute) and function.attr == "get":
        is_config = _is_call_of(function.value, _CONFIG_VARS, scope)
        return _configured(node.args[0], scope) if is_config else ()
    called = {value.dotted for value in evaluate(function, scope) if isinstance(value, Reference)}
    if called & _JOINING:
        return _joined([texts(evaluate(part, scope)) for part in node.args], "/")
    if called & _PASSING_ON:
        return evaluate(node.args[0], scope)
    if called & _CONFIG_VAR:
        return _configured(node.args[0], scope)
    return ()


def _is_call_of(node: ast.AST, functions: frozenset[str], scope: Scope) -> bool:
    return isinstance(node, ast.Call) and any(
        isinstance(value, Reference) and value.dotted in functions
        for value in evaluate(node.func, scope)
    )


def _configured(name: ast.AST, scope: Scope) -> Values:
    return tuple(_CONFIGURED.get(text, UNKNOWN) for text in texts(evaluate(name, scope)))


# Each takes the node and the scope
_RULES: dict[type[ast.AST], Callable[[Any, Scope], Values]] = {
    ast.Attribute: _attribute,
    ast.BinOp: _operation,
    ast.BoolOp: lambda node, scope: _union(evaluate(value, scope) for value in node.values),
    ast.Call: _call,
    ast.Constant: _constant,
    ast.FormattedValue: lambda node, scope: evaluate(node.value, scope),
    ast.IfExp: lambda node, scope: _union(
        evaluate(value, scope) for value in (node.body, node.orelse)
    ),
    ast.JoinedStr: _formatted_string,
    ast.Name: _name,
    ast.NamedExpr: lambda node, scope: evaluate(node.value, scope),
    ast.Subscript: _subscript,
}
