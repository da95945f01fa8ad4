"""Bytecode for staged source files, made by the interpreters that will run them."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Union

from wheelfix import _bytecode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from wheelfix.targets import Target

__all__ = ["CompiledBytecode", "SourceFile", "compile_bytecode", "find_compilers"]

# so much source, once for each level, is compiled within the time that processes take to start
_SMALL = 800_000

_TIME_LIMIT = 120.0


class SourceFile(NamedTuple):
    """A source file to compile.

    :param staged: where it is; its bytecode comes into the __pycache__ beside it.
    :param final_folder: the folder that tracebacks shall name for it (compileall's ``ddir``).
    """

    staged: str
    final_folder: str


class CompiledBytecode(NamedTuple):
    """What was made.

    :param made: by ``SourceFile.staged`` the .pyc files, each by its name in __pycache__, the SHA-256 in RECORD's
        form (urlsafe base64 without padding, PEP 376) and the size in bytes.
    :param failed: the files that have none for at least one of the targets: they don't compile there, or it can't be
        run, or their place is taken.
    """

    made: dict[str, list[tuple[str, str, int]]]
    failed: set[str]


#: what the compiling process says of a file: digest and size for each level; None if it doesn't compile
Answer = Union["list[tuple[str, int]]", int, None]


class Source(NamedTuple):
    """A file to compile.

    :param size: in bytes.
    :param staged: where it is.
    :param seen_as: its path as tracebacks shall name it.
    """

    size: int
    staged: str
    seen_as: str


class Manner(NamedTuple):
    """How to compile: arguments of :func:`wheelfix.bytecode.compile_bytecode`.

    :param tell: told how many files are done.
    """

    jobs: int | None
    time_limit: float
    tell: Callable[[int], None]


def compile_bytecode(
    files: Sequence[SourceFile],
    targets: Sequence[Target],
    levels: Sequence[int],
    *,
    jobs: int | None = None,
    on_progress: Callable[[int], None] | None = None,
    time_limit: float = _TIME_LIMIT,
) -> CompiledBytecode:
    """Compile source files for each target, each by its own interpreter, in several processes where that is faster.

    With SOURCE_DATE_EPOCH in the environment the same sources give the same bytes (PEP 552), from Python 3.7 on.

    :param files: in staging.
    :param targets: interpreters that take the same bytecode are asked once.
    :param levels: optimization levels, 0 to 2.
    :param jobs: how many processes at most; by default as many as there are processors for this one.
    :param on_progress: told how many files are done, from the calling thread.
    :param time_limit: seconds after which a process that gave no answer for a file is ended.
    :raises OSError: there is no room for a file; names the source file as tracebacks would.
    """
    compiled = CompiledBytecode({}, set())
    numbers = tuple(dict.fromkeys(levels))
    kinds = _kinds(targets)
    if not files or not numbers or not kinds:
        return compiled
    folders = _Folders()
    wanted = [
        file for file in dict.fromkeys(files) if folders.has_room(file.staged, kinds, numbers)
    ]
    sources = [_source(file) for file in wanted]
    compiled.failed.update({file.staged for file in files} - {each.staged for each in sources})
    work = len(kinds) * len(sources)
    for done, (cache_tag, target) in enumerate(kinds.items()):

        def tell(number: int, before: int = done * len(sources)) -> None:
            if on_progress is not None:
                on_progress(len(files) * (before + number) // work)

        answers = _compile(target, sources, numbers, Manner(jobs, time_limit, tell))
        for source in sources:
            answer = answers.get(source.staged)
            if answer is None:
                compiled.failed.add(source.staged)
                continue
            if isinstance(answer, int):
                raise OSError(answer, os.strerror(answer), source.seen_as)
            rows = compiled.made.setdefault(source.staged, [])
            for level, (digest, size) in zip(numbers, answer):
                rows.append((_name(source.staged, cache_tag, level), digest, size))
    folders.remove_empty(compiled.failed)
    return compiled


def find_compilers(targets: Sequence[Target]) -> tuple[list[Target], list[Target]]:
    """Find out for which targets bytecode can be made here.

    A target without an executable can't be run. The running interpreter compiles in its place if it writes the very
    same bytecode: that of the same magic number under the same cache tag.

    :return: targets whose executable compiles for those that can be compiled for, and the other targets.
    """
    compilers, without = [], []
    for target in targets:
        if target.executable is not None:
            compilers.append(target)
        elif _has_bytecode_of_running(target) and sys.executable:
            compilers.append(replace(target, executable=sys.executable))
        else:
            without.append(target)
    return compilers, without


def _has_bytecode_of_running(target: Target) -> bool:
    running = (_bytecode.MAGIC_NUMBER.hex(), sys.implementation.cache_tag)
    return (target.magic, target.cache_tag) == running


def _kinds(targets: Sequence[Target]) -> dict[str, Target]:
    """Choose whom to ask, by cache tag, which is all that tells bytecode files of two interpreters apart."""
    kinds: dict[str, Target] = {}
    # at best this one, at worst one that can't be run
    for target in sorted(targets, key=lambda each: (_is_running(each), bool(each.executable))):
        if target.cache_tag:
            kinds[target.cache_tag] = target
    return kinds


def _is_running(target: Target) -> bool:
    return target.executable == sys.executable and target.magic == _bytecode.MAGIC_NUMBER.hex()


def _name(source: str, cache_tag: str, level: int) -> str:
    name = os.fsencode(os.path.basename(source))
    return os.fsdecode(_bytecode.bytecode_name(name, cache_tag, level))


def _source(file: SourceFile) -> Source:
    seen_as = os.path.join(file.final_folder, os.path.basename(file.staged))
    return Source(os.stat(file.staged).st_size, file.staged, seen_as)


class _Folders:
    """The __pycache__ folders, made before any process needs them."""

    def __init__(self) -> None:
        #: by folder the names taken in it; None where it can't be used
        self._taken: dict[str, set[str] | None] = {}
        self._made: set[str] = set()

    def has_room(self, source: str, cache_tags: Collection[str], levels: Collection[int]) -> bool:
        """Tell whether no place of the bytecode is taken by what the wheel brings, or by another file's."""
        folder = os.path.join(os.path.dirname(source), "__pycache__")
        if folder not in self._taken:
            self._taken[folder] = self._make(folder)
        taken = self._taken[folder]
        names = {_name(source, cache_tag, level) for cache_tag in cache_tags for level in levels}
        if taken is None or not taken.isdisjoint(names):
            return False
        taken |= names
        return True

    def _make(self, folder: str) -> set[str] | None:
        try:
            os.mkdir(folder)
        except FileExistsError:
            is_folder = stat.S_ISDIR(os.lstat(folder).st_mode)
            return set(os.listdir(folder)) if is_folder else None
        self._made.add(folder)
        return set()

    def remove_empty(self, failed: Collection[str]) -> None:
        """Remove the folders into which nothing came."""
        for folder in {os.path.join(os.path.dirname(each), "__pycache__") for each in failed}:
            if folder in self._made:
                with contextlib.suppress(OSError):
                    os.rmdir(folder)


def _compile(
    target: Target, sources: list[Source], levels: tuple[int, ...], manner: Manner
) -> dict[str, Answer]:
    """Compile for one interpreter; what has no answer has failed."""
    work = sum(source.size for source in sources) * len(levels)
    # a process of its own has hashes, and with them an order of sets, that don't change
    if _is_running(target) and work <= _SMALL and not _bytecode.is_reproducible():
        return _compile_here(sources, levels, manner.tell)
    if not target.executable:
        return {}
    from wheelfix._bytecode_workers import Workers

    return Workers(target, levels, manner).compile(sources)


def _compile_here(
    sources: list[Source], levels: tuple[int, ...], tell: Callable[[int], None]
) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    with warnings.catch_warnings():
        # what the source's author is warned of is no news to who installs it
        warnings.simplefilter("ignore")
        for source in sources:
            path = os.fsencode(source.staged)
            answers[source.staged] = _bytecode.compile_file(path, source.seen_as, levels)
            tell(len(answers))
    return answers
