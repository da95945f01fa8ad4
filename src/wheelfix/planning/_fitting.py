"""Whether one file's code belongs on one target, whatever it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.elf import init_symbol_names
from wheelfix.naming import ExtensionName, loads_under
from wheelfix.planning._model import IMPORT_SCHEMES, module_name
from wheelfix.planning._tags import is_stable_abi_wheel, libc_families_of_tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.planning._model import Member, Wheel
    from wheelfix.targets import Target

__all__ = [
    "is_importable",
    "is_proven_module",
    "is_reachable_through_path_entry",
    "libc_note",
    "loadable_suffixes",
    "loads_by_name",
    "misfit",
]

#: the first version whose interpreters load abi3t modules (PEP 803)
_FIRST_ABI3T = (3, 15)


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
    """Say whether a .pth file of the wheel makes a file reachable that isn't by itself."""
    return member.scheme in IMPORT_SCHEMES and any(
        member.scheme_path.startswith(f"{entry}/")
        and _are_identifiers(member.scheme_path[len(entry) + 1 :])
        for entry in wheel.path_entries
    )


def _are_identifiers(path: str) -> bool:
    return all(folder.isidentifier() for folder in path.split("/")[:-1])


def misfit(
    member: Member, name: ExtensionName | None, wheel: Wheel, target: Target
) -> Finding | None:
    """Say why the file's code can't run on the target; None if nothing speaks against it.

    The checks are in the order of the rule table; the first that fails is told.

    :param name: the member's extension name, or None for a file that can't be an extension module.
    """
    if member.architecture is not None and target.architecture is not None:
        difference = member.architecture.difference_from(target.architecture)
        if difference is not None:
            return Finding(codes.WRONG_MACHINE, member.path, difference)
    if name is not None:
        wrong_python = _wrong_python(member, name, wheel, target)
        if wrong_python is not None:
            return wrong_python
    if member.facts is not None:
        families = member.facts.libc_families
        if families and target.libc is not None and target.libc not in families:
            return Finding(
                codes.WRONG_LIBC,
                member.path,
                f"it is linked against {' and '.join(sorted(families))}, "
                f"the target runs on {target.libc}",
            )
    if not target.loads_extension_modules:
        return Finding(
            codes.CANNOT_LOAD_MODULES,
            member.path,
            f"{target.executable} is static and can't load any extension module",
        )
    return None


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
        return None
    if name.abi == "abi3t":
        if target.implementation == "cpython" and target.version_info >= _FIRST_ABI3T:
            return None
        return _other_python(member, name, target)
    if name.abi is None or _is_of_target(name, target):
        return None
    if is_stable_abi_wheel(wheel.tags):
        return Finding(
            codes.FALSE_ABI3,
            member.path,
            f"the wheel's tag says abi3, the module says {name.abi}, "
            f"the target is {target.implementation} {target.version}",
        )
    return _other_python(member, name, target)


def _other_python(member: Member, name: ExtensionName, target: Target) -> Finding:
    kind = " free-threaded" if target.free_threaded else ""
    return Finding(
        codes.WRONG_PYTHON,
        member.path,
        f"it was built for {name.abi}, the target is {target.implementation} {target.version}{kind}",
    )


def _is_of_target(name: ExtensionName, target: Target) -> bool:
    """Say whether a version-specific ABI is the target's own.

    A debug build of CPython 3.8 and newer loads release modules too (ALT_SOABI in Python/dynload_shlib.c), never
    the other way round.
    """
    if target.implementation != "cpython" or name.implementation != "cpython":
        return any(own.abi == name.abi for own in _own_names(target.extension_suffixes) if own.abi)
    if name.python_version != target.version_info:
        return False
    accepted = {frozenset(target.abi_flags)}
    if target.debug and target.version_info >= (3, 8):
        accepted.add(frozenset(target.abi_flags) - {"d"})
    return frozenset(name.abi_flags) in accepted


def _own_names(suffixes: Sequence[str]) -> list[ExtensionName]:
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
