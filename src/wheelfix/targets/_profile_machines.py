"""A profile on another machine: what its names and its code are there.

Source: the names of one build differ between machines by nothing but the platform part (CPython configure.ac,
PLATFORM_TRIPLET; Misc/platform_triplet.c; GraalPy's ``<arch>-<os>``), except that a -gnu suffix beside Alpine's own
is there only where SOABI ends in -musl (aports, gnu-fallback-soabi.patch): not on 32-bit arm.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.platforms import platform_tags, triplet_of
from wheelfix.targets._profile_rows import refuse_profile

if TYPE_CHECKING:
    from wheelfix.platforms import ElfArchitecture
    from wheelfix.targets._profile_rows import Profile

__all__ = ["MACHINES", "Machine", "on_machine"]

#: machines of wheels on PyPI, by the kernel's name
MACHINES = ("x86_64", "aarch64", "i686", "armv7l", "ppc64le", "s390x", "riscv64")

_SPELLINGS = {
    "amd64": "x86_64",
    "x64": "x86_64",
    "arm64": "aarch64",
    "i386": "i686",
    "x86": "i686",
    "armv7": "armv7l",
}

# GraalPy is built for these two (suffixes as <arch>-<os>)
_GRAALPY_MACHINES = ("x86_64", "aarch64")

_ANDROID_ABIS = {
    "x86_64": "x86_64",
    "aarch64": "arm64_v8a",
    "i686": "x86",
    "armv7l": "armeabi_v7a",
}
_WINDOWS_PLATFORMS = {"x86_64": "win_amd64", "aarch64": "win_arm64", "i686": "win32"}
_WINDOWS_MACHINES = {"x86_64": "AMD64", "aarch64": "ARM64", "i686": "x86"}
_APPLE_MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}

# a profile doesn't tell the system's version, so that it is to be no reason to refuse a wheel; these are the newest
_NEWEST_APPLE_SYSTEM = (26, 0)
_NEWEST_ANDROID_API = 36


class Machine(NamedTuple):
    """What a machine makes of a profile.

    :param profile: with the names that it has there.
    :param name: of the machine, as the kernel says.
    :param triplet: the platform part of EXT_SUFFIX; None where there is none.
    :param architecture: of the code; None where it is not ELF.
    :param platforms: platform tags, best first, at least one.
    """

    profile: Profile
    name: str
    triplet: str | None
    architecture: ElfArchitecture | None
    platforms: tuple[str, ...]


def on_machine(profile: Profile, machine: str | None) -> Machine:
    """Put a profile on a machine.

    :param machine: the kernel's name, or another common one ("amd64", "arm64"); None for the one that the profile is
        written for, or x86_64 where it is written for none, but arm64 on macOS.
    :raises EnvironmentRefusedError: WF518 if the interpreter isn't built for it.
    """
    wanted = machine or profile.machine or ("arm64" if profile.system == "darwin" else "x86_64")
    name = _SPELLINGS.get(wanted.lower(), wanted)
    put = {
        "linux": _on_linux,
        "android": _on_android,
        "darwin": _on_darwin,
        "ios": _on_ios,
        "windows": _on_windows,
    }[profile.system]
    found = put(profile, name)
    if found is None:
        possible = [each for each in MACHINES if put(profile, each) is not None]
        refuse_profile(profile.id, f"it is not built for {wanted}, but for {', '.join(possible)}")
    return found


def _on_linux(profile: Profile, name: str) -> Machine | None:
    if profile.implementation == "graalpy":
        part = triplet_of("glibc", name) if name in _GRAALPY_MACHINES else None
        changes = {f"{profile.machine}-linux": f"{name}-linux"}
    else:
        part = triplet_of(profile.libc or "glibc", name)
        changes = {
            own.name: there.name
            for libc in ("glibc", "musl")
            for own in [triplet_of(libc, profile.machine or "")]
            for there in [triplet_of(libc, name)]
            if own is not None and there is not None
        }
    if part is None:
        return None
    renamed = _renamed(profile, changes)
    # packaging has the others only for an executable with PT_INTERP
    tags = tuple(
        tag
        for tag in platform_tags(profile.libc, profile.plain_libc_version, name)
        if tag.startswith("linux_") or not profile.static
    )
    return Machine(renamed, name, _platform_part(renamed), part.architecture, tags)


def _on_android(profile: Profile, name: str) -> Machine | None:
    from packaging.tags import android_platforms

    abi, own_abi = _ANDROID_ABIS.get(name), _ANDROID_ABIS.get(profile.machine or "")
    there, own = (triplet_of("bionic", each or "") for each in (abi, own_abi))
    if abi is None or there is None or own is None:
        return None
    renamed = _renamed(profile, {own.name: there.name})
    tags = tuple(android_platforms(_NEWEST_ANDROID_API, abi))
    return Machine(renamed, name, there.name, there.architecture, tags)


def _on_darwin(profile: Profile, name: str) -> Machine | None:
    from packaging.tags import mac_platforms

    machine = _APPLE_MACHINES.get(name)
    if machine is None:
        return None
    tags = tuple(mac_platforms(_NEWEST_APPLE_SYSTEM, machine))
    return Machine(profile, machine, _platform_part(profile), None, tags)


def _on_ios(profile: Profile, name: str) -> Machine | None:
    from packaging.tags import ios_platforms

    if name != "aarch64":
        return None
    tags = tuple(ios_platforms(_NEWEST_APPLE_SYSTEM, "arm64_iphoneos"))
    return Machine(profile, "arm64", _platform_part(profile), None, tags)


def _on_windows(profile: Profile, name: str) -> Machine | None:
    platform = _WINDOWS_PLATFORMS.get(name)
    if platform is None:
        return None
    renamed = _renamed(profile, {_WINDOWS_PLATFORMS["x86_64"]: platform})
    return Machine(renamed, _WINDOWS_MACHINES[name], platform, None, (platform,))


def _renamed(profile: Profile, changes: dict[str, str]) -> Profile:
    def renamed(text: str) -> str:
        for old, new in changes.items():
            if old in text:
                return text.replace(old, new)
        return text

    soabi = renamed(profile.soabi)
    suffixes = tuple(map(renamed, profile.extension_suffixes))
    if profile.gnu_fallback and not soabi.endswith("-musl"):
        suffixes = tuple(each for each in suffixes if "-linux-gnu" not in each)
    return replace(
        profile, soabi=soabi, ext_suffix=renamed(profile.ext_suffix), extension_suffixes=suffixes
    )


def _platform_part(profile: Profile) -> str | None:
    from wheelfix.naming import ExtensionName

    name = ExtensionName.parse_suffix(profile.ext_suffix)
    return None if name is None else name.platform
