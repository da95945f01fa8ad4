"""Whether one file's code belongs on one target, whatever it is called."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.elf import init_symbol_names
from wheelfix.naming import ExtensionName, loads_under
from wheelfix.planning._model import IMPORT_SCHEMES, module_name
from wheelfix.planning._tags import (
    difference_from_target,
    is_stable_abi_wheel,
    libc_families_of_tags,
)
from wheelfix.platforms import triplet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wheelfix.planning._model import Member, Wheel
    from wheelfix.targets import Target

__all__ = [
    "is_importable",
    "is_proven_module",
    "is_reachable_through_path_entry",
    "libc_note",
    "loadable_suffixes",
    "loads_by_name",
    "misfits",
    "runs_elf",
]

#: the first version whose interpreters load abi3t modules (PEP 803)
_FIRST_ABI3T = (3, 15)

# A prefix of its own below the scheme's folder. Only a .pth file leads there, perhaps one that runs code and lies
# in another wheel: cmeel's "import cmeel_pth" does so for eigenpy.
_OWN_PREFIX = re.compile(r"[^/]+/lib(?:64)?/python[0-9]+\.[0-9]+t?/site-packages/")


def loads_by_name(member: Member, target: Target) -> bool:
    """Say whether the target's import system looks for a file of this name."""
    return loads_under(member.file_name, target.extension_suffixes)


def is_proven_module(member: Member) -> bool:
    """Say whether the file is an extension module: a shared object that defines its own init symbol.

    Other init symbols prove nothing: cryptography's ``_rust`` defines 26 of them.
    """
    if member.facts is None or not member.facts.is_shared_object:
        return False
    return bool(member.facts.init_symbols.intersection(init_symbol_names(module_name(member))))


def is_importable(member: Member) -> bool:
    """Say whether an import statement can reach the file: every folder on its way is an identifier."""
    return member.scheme in IMPORT_SCHEMES and _are_identifiers(member.scheme_path)


def is_reachable_through_path_entry(member: Member, wheel: Wheel) -> bool:
    """Say whether a .pth file can make a file reachable that isn't by itself."""
    if member.scheme not in IMPORT_SCHEMES or is_importable(member):
        return False
    own_prefix = _OWN_PREFIX.match(member.scheme_path)
    entries = [f"{entry}/" for entry in wheel.path_entries]
    return any(
        member.scheme_path.startswith(entry) and _are_identifiers(member.scheme_path[len(entry) :])
        for entry in ([own_prefix.group(), *entries] if own_prefix else entries)
    )


def _are_identifiers(path: str) -> bool:
    return all(folder.isidentifier() for folder in path.split("/")[:-1])


def runs_elf(target: Target) -> bool:
    """Say whether the target's extension modules are ELF files; not so on macOS, iOS, Windows, WebAssembly."""
    platform = target.platform_triplet and triplet(target.platform_triplet)
    return (
        target.architecture is not None
        or not platform
        or platform.architecture is not None
        or platform.libc is not None
    )


def misfits(
    member: Member, name: ExtensionName | None, wheel: Wheel, target: Target
) -> Iterator[Finding]:
    """Say why the file's code can't run on the target; nothing if nothing speaks against it.

    The findings come in the order of the rule table.

    :param name: the member's extension name, or None for a file that can't be an extension module.
    """
    sentence = _other_machine(member, target)
    if sentence is not None:
        yield Finding(codes.WRONG_MACHINE, member.path, sentence)
    if name is not None:
        wrong_python = _wrong_python(member, name, wheel, target)
        if wrong_python is not None:
            yield wrong_python
    sentence = _other_libc(member, name, wheel, target)
    if sentence is not None:
        yield Finding(codes.WRONG_LIBC, member.path, sentence)
    if name is not None and not target.loads_extension_modules:
        sentence = f"{target.executable or 'the target'} can't load any extension module"
        yield Finding(codes.CANNOT_LOAD_MODULES, member.path, sentence)


def _other_machine(member: Member, target: Target) -> str | None:
    if member.architecture is None:
        return None
    if not runs_elf(target):
        return f"it is an ELF file, the target's platform is {target.platform_triplet}"
    if target.architecture is None:
        return None
    return member.architecture.difference_from(target.architecture)


def _other_libc(
    member: Member, name: ExtensionName | None, wheel: Wheel, target: Target
) -> str | None:
    """Hold libc against libc; where a file that may be a module says nothing, the wheel's tags do."""
    if member.facts is None or target.libc is None:
        return None
    families, teller = member.facts.libc_families, "it is linked against"
    if not families and name is not None:
        families, teller = libc_families_of_tags(wheel.tags), "the wheel's tags say that it needs"
    if not families or target.libc in families:
        return None
    return f"{teller} {' and '.join(sorted(families))}, the target runs on {target.libc}"


def _wrong_python(
    member: Member, name: ExtensionName, wheel: Wheel, target: Target
) -> Finding | None:
    if name.abi == "abi3":
        if target.implementation != "cpython":
            return _other_python(member, name, target)
        if target.free_threaded:
            return Finding(
                codes.STABLE_ABI_ON_FREE_THREADED,
                member.path,
                f"it is an abi3 module, the target is a free-threaded CPython {target.version}",
            )
        if loads_by_name(member, target) or _is_promised_stable_abi(wheel, target):
            return None
        return _other_python(member, name, target)
    if name.abi == "abi3t":
        if target.implementation == "cpython" and target.version_info >= _FIRST_ABI3T:
            return None
        return _other_python(member, name, target)
    if name.abi is None:
        return _wrong_python_under_bare_name(member, wheel, target)
    if _is_of_target(name, target):
        return None
    if is_stable_abi_wheel(wheel.tags):
        return Finding(
            codes.FALSE_ABI3,
            member.path,
            f"the wheel's tag says abi3, the module says {name.abi}, "
            f"the target is {target.implementation} {target.version}",
        )
    return _other_python(member, name, target)


def _is_promised_stable_abi(wheel: Wheel, target: Target) -> bool:
    """Say whether the tags say that an abi3 module may be loaded: by an abi3 tag, or one for this very Python."""
    return (
        not wheel.check_tags
        or any(tag.abi == "abi3" for tag in wheel.tags)
        or difference_from_target(wheel.tags, target) is None
    )


def _wrong_python_under_bare_name(member: Member, wheel: Wheel, target: Target) -> Finding | None:
    """Doubt a module that would have to be renamed across implementations: only the tags tell whose it is."""
    if target.implementation == "cpython" or loads_by_name(member, target):
        return None
    prefix = {"pypy": "pp"}.get(target.implementation, target.implementation)
    interpreters = {tag.interpreter for tag in wheel.tags}
    told_by_tags = interpreters and all(each.startswith(prefix) for each in interpreters)
    if told_by_tags or not is_proven_module(member):
        return None
    return Finding(
        codes.WRONG_PYTHON,
        member.path,
        "neither its name nor the wheel's tags say for which Python it was built, "
        f"the target is {target.implementation} {target.version}",
    )


def _other_python(member: Member, name: ExtensionName, target: Target) -> Finding:
    kind = " free-threaded" if target.free_threaded else ""
    debug = " debug build" if target.debug else ""
    return Finding(
        codes.WRONG_PYTHON,
        member.path,
        f"it was built for {name.abi}, "
        f"the target is {target.implementation} {target.version}{kind}{debug}",
    )


def _is_of_target(name: ExtensionName, target: Target) -> bool:
    """Say whether a version-specific ABI is the target's own, or one that it loads besides.

    A debug build of CPython 3.8 and newer lists the release build's ABI too (ALT_SOABI in Python/dynload_shlib.c),
    unless it traces references; a release build never lists that of a debug build.
    """
    if any(own.abi == name.abi for own in _own_names(target.extension_suffixes)):
        return True
    return (
        target.implementation == name.implementation == "cpython"
        and name.python_version == target.version_info
        and frozenset(name.abi_flags) == frozenset(target.abi_flags)
    )


@cache
def _own_names(suffixes: tuple[str, ...]) -> list[ExtensionName]:
    return [name for name in map(ExtensionName.parse_suffix, suffixes) if name is not None]


def loadable_suffixes(name: ExtensionName, target: Target) -> list[str]:
    """List the target's suffixes under which code of this name's ABI loads, best first.

    The same ABI comes first, a stable ABI without platform part before one with it; the bare suffix, which makes
    no claim, comes last.
    """
    own = _own_names(target.extension_suffixes)
    if name.is_bare:
        # a bare name claims nothing, so that each version-specific suffix of the target is right for it
        same = [each for each in own if not each.is_stable_abi and not each.is_bare]
    else:
        same = [each for each in own if each.abi == name.abi]
    if name.is_stable_abi:
        same.sort(key=lambda each: each.platform is not None)
    return [each.suffix for each in same] + [each.suffix for each in own if each.is_bare]


def libc_note(member: Member, wheel: Wheel, target: Target) -> Finding | None:
    """Note where neither file nor tags say which libc a module needs."""
    if (
        member.facts is None
        or member.facts.libc_families
        or target.libc is None
        or libc_families_of_tags(wheel.tags)
    ):
        return None
    return Finding(
        codes.NO_LIBC_EVIDENCE,
        member.path,
        f"nothing tells its libc; it is taken to fit the target's {target.libc}",
    )
