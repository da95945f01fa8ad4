"""What to say about one file: the outcome of its loading, and what its facts alone tell."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding, Severity
from wheelfix.elf.dynamic import ReferenceKind
from wheelfix.linkage._data import is_private, provider_of
from wheelfix.linkage._model import LoadClass
from wheelfix.linkage._python_symbols import history

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wheelfix.codes import Code
    from wheelfix.elf.dynamic import DynamicFacts, Reference
    from wheelfix.linkage._model import Outcome

__all__ = ["ModuleContext", "load_findings"]

_LIBPYTHON = re.compile(r"libpython[23](?:\.\d+)?[a-z]*\.so")
# Include/refcount.h: what Py_DECREF comes to, with the GIL and without
_GIL_MARKER = b"_Py_Dealloc"
_FREE_THREADED_MARKERS = frozenset({b"_Py_MergeZeroLocalRefcount", b"_Py_DecRefShared"})


class ModuleContext(NamedTuple):
    """What is known of one file besides its content.

    :param subject: what a finding calls it: its path in the wheel.
    :param libc: the libc family of the target, "glibc" or "musl".
    :param init_symbols: of which it must define one (:func:`wheelfix.elf.init_symbol_names`); empty where it is
        no extension module.
    :param is_abi3: it was built for the limited API, by its name or the wheel's tag.
    :param is_free_threaded: the target is a free-threaded build.
    :param bundled: path in the wheel by file name of the wheel's own libraries.
    :param version: minor version of the target, if it is CPython.
    """

    subject: str
    libc: str | None = None
    init_symbols: tuple[str, ...] = ()
    is_abi3: bool = False
    is_free_threaded: bool = False
    bundled: Mapping[str, str] = {}
    version: tuple[int, int] | None = None


def load_findings(
    context: ModuleContext, facts: DynamicFacts | None, outcome: Outcome
) -> list[Finding]:
    """Say what is the matter with one file: errors first, notes last.

    :param facts: of the file; None where it can't be read as an ELF file.
    :param outcome: from :func:`foretell_load`.
    """
    found = list(_of_outcome(context, outcome))
    if facts is not None:
        found += _of_facts(context, facts, outcome)
    order = list(Severity)
    return sorted(found, key=lambda finding: order.index(finding.code.severity))


def _of_outcome(context: ModuleContext, outcome: Outcome) -> Iterator[Finding]:
    say = _Sayer(context, outcome)
    if outcome.loads_after:
        after = ", ".join(map(posixpath.basename, outcome.loads_after))
        yield say(codes.LOADS_AFTER, f"it loads only when {after} has been loaded before it")
    elif outcome.kind is LoadClass.CRASH or outcome.culprit == "DT_RELR":
        yield _crash(say, outcome, outcome.culprit or "")
    elif outcome.kind is not LoadClass.LOADS:
        yield _refused(context, say, outcome)
    yield from _of_unknown(say, outcome)


def _refused(context: ModuleContext, say: _Sayer, outcome: Outcome) -> Finding:
    culprit = outcome.culprit or ""
    if outcome.kind is LoadClass.MISSING_LIBRARY:
        return _missing_library(context, say, culprit)
    if outcome.kind is LoadClass.MISSING_SYMBOL:
        return say(codes.UNDEFINED_SYMBOL, _undefined(context, culprit))
    if outcome.kind is LoadClass.MISSING_VERSION:
        sentence = f"it needs the version {culprit}, which the target doesn't have"
        return say(codes.VERSION_TOO_NEW, sentence)
    if culprit == "static TLS":
        sentence = "it wants more static TLS than glibc keeps for the whole process"
        return say(codes.STATIC_TLS, sentence)
    if outcome.kind is LoadClass.TLS:
        sentence = (
            "it wants a place in the initial TLS block, which musl gives to no file loaded later"
        )
        return say(codes.INITIAL_EXEC_TLS, sentence)
    if culprit == "executable stack":
        sentence = "it asks for an executable stack, which the target refuses"
        return say(codes.EXECUTABLE_STACK, sentence)
    if culprit == "IFUNC":
        sentence = "it chooses functions when it is loaded (IFUNC), which musl can't"
        return say(codes.NOT_TAKEN, sentence)
    return say(codes.NOT_TAKEN, "the loader doesn't take it")


class _Sayer:
    """Makes findings that end in what the user would see."""

    def __init__(self, context: ModuleContext, outcome: Outcome) -> None:
        self._subject = context.subject
        self._seen = f'; you would see: "{outcome.sentence}"' if outcome.sentence else ""

    def __call__(self, code: Code, sentence: str) -> Finding:
        return Finding(code, self._subject, sentence + self._seen)

    def plain(self, code: Code, sentence: str) -> Finding:
        return Finding(code, self._subject, sentence)


def _missing_library(context: ModuleContext, say: _Sayer, library: str) -> Finding:
    provider = provider_of(library)
    if provider is not None:
        sentence = f"{library} is not there; the wheel of {provider} usually brings it"
        return say(codes.LIBRARY_OF_ANOTHER_WHEEL, sentence)
    place = context.bundled.get(library)
    if place is not None:
        sentence = f"{library} is not found, though it lies in the wheel as {place}: DT_RPATH doesn't lead there"
        return say(codes.MISSING_LIBRARY, sentence)
    if _LIBPYTHON.match(library):
        sentence = f"{library} is not there: the interpreter doesn't need it, and no module should"
        return say(codes.MISSING_LIBRARY, sentence)
    return say(codes.MISSING_LIBRARY, f"{library} is not there")


def _undefined(context: ModuleContext, symbol: str) -> str:
    if symbol.startswith(("Py", "_Py")):
        if context.is_abi3 and is_private(symbol.encode()):
            return f"{symbol} is private API that an abi3 module must not use, and the interpreter doesn't have it"
        others = context.version and history(
            symbol, context.version, free_threaded=context.is_free_threaded
        )
        return f"the interpreter doesn't export {symbol}{f', {others}' if others else ''}"
    if context.libc == "musl":
        return f"nothing defines {symbol}, nor does musl"
    return f"nothing defines {symbol}"


def _crash(say: _Sayer, outcome: Outcome, culprit: str) -> Finding:
    name = posixpath.basename(outcome.subject or "")
    if culprit == "DT_RELR":
        end = "at once" if outcome.kind is LoadClass.CRASH else "sooner or later"
        sentence = (
            f"the target's loader passes over DT_RELR in {name}: the process dies of SIGSEGV {end}"
        )
        return say(codes.RELR_NOT_APPLIED, sentence)
    if culprit == "segment":
        sentence = f"{name} ends before its segments do, so that the process dies of SIGBUS"
        return say(codes.TRUNCATED_FILE, sentence)
    if culprit == "weak TLS":
        sentence = "it wants an initial-exec TLS symbol that nothing defines, of which musl dies"
        return say(codes.INITIAL_EXEC_TLS, sentence)
    sentence = f"{name} has lost its versions, so that an assertion of the loader ends the process"
    return say(codes.VERSION_TOO_NEW, sentence)


def _of_unknown(say: _Sayer, outcome: Outcome) -> Iterator[Finding]:
    if "DT_RELR" in outcome.unknown:
        yield say.plain(
            codes.RELR_UNKNOWN,
            "it may crash: whether the target's loader applies DT_RELR isn't known",
        )
    symbols = [name for name in outcome.unknown if name != "DT_RELR"]
    if symbols:
        shown = ", ".join(symbols[:3]) + (", ..." if len(symbols) > 3 else "")  # noqa: PLR2004 - enough
        sentence = f"whether the target has it isn't known, of {len(symbols)}: {shown}"
        yield say.plain(codes.UNKNOWN_SYMBOLS, sentence)


def _of_facts(context: ModuleContext, facts: DynamicFacts, outcome: Outcome) -> Iterator[Finding]:
    subject = context.subject
    if facts.is_truncated and outcome.culprit != "segment":
        sentence = (
            "it ends before its segments do, though the loader itself doesn't touch what is missing"
        )
        yield Finding(codes.TRUNCATED_FILE, subject, sentence)
    if context.init_symbols and not any(
        name.encode() in facts.defined for name in context.init_symbols
    ):
        wanted = " nor ".join(context.init_symbols)
        yield Finding(codes.NO_INIT_SYMBOL, subject, f"it defines neither {wanted}")
    for path in _odd_search_paths(facts):
        yield Finding(codes.ODD_SEARCH_PATH, subject, f"it searches for libraries in {path}")
    if context.is_free_threaded and _is_built_with_gil(facts):
        sentence = (
            "it counts references as with the GIL, and crashes on a free-threaded interpreter"
        )
        yield Finding(codes.BUILT_WITH_GIL, subject, sentence)
    private = sorted({each.name for each in _symbols(facts) if is_private(each.name)})
    if context.is_abi3 and private:
        shown = ", ".join(name.decode("utf-8", "replace") for name in private[:3])
        yield Finding(
            codes.PRIVATE_API, subject, f"it is tagged abi3 and uses private API: {shown}"
        )
    second = next(
        (each for each in outcome.loaded if _LIBPYTHON.match(posixpath.basename(each))), None
    )
    if second is not None:
        sentence = (
            f"it loads a second libpython, {second}; the interpreter's own symbols come first"
        )
        yield Finding(codes.SECOND_LIBPYTHON, subject, sentence)


def _symbols(facts: DynamicFacts) -> Iterator[Reference]:
    for reference in (*facts.references, *facts.plt_references):
        if reference.kind is ReferenceKind.SYMBOL and not reference.is_defined:
            yield reference


def _odd_search_paths(facts: DynamicFacts) -> Iterator[str]:
    """Name the folders that aren't relative to the file: another's machine's, or the working directory's."""
    text = facts.rpath if facts.runpath is None else facts.runpath
    for folder in () if text is None else dict.fromkeys(text.split(":")):
        if folder.startswith("/"):
            yield f"{folder}, an absolute path"
        elif not folder.startswith("$"):
            yield f"{folder or 'an empty path'}, that is, below the working directory"


def _is_built_with_gil(facts: DynamicFacts) -> bool:
    names = {each.name for each in _symbols(facts)}
    return _GIL_MARKER in names and not names & _FREE_THREADED_MARKERS
