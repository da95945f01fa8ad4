"""Which folder each scheme of an install is, and whether it may be written to."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.targets.pep668 import externally_managed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from installer.scripts import LauncherKind

    from wheelfix.planning import Policy
    from wheelfix.targets import Target

__all__ = [
    "SCHEMES",
    "InstallOptions",
    "environment_findings",
    "folders_of",
    "follow_links",
    "name_of",
    "shebang_of",
    "under_destdir",
]

#: the schemes of a wheel (wheel specification, "The .data directory")
SCHEMES = ("purelib", "platlib", "headers", "scripts", "data")


class InstallOptions(NamedTuple):
    """Where a wheel goes and what comes with it.

    The defaults are those of ``python -m installer``, but RECORD is held against the wheel.

    :param flat_folder: one folder for everything, as pip's ``--target``.
    :param folders: folders of single schemes (purelib, platlib, headers, scripts, data), before all else.
    :param destdir: folder that stands for the target's root while installing.
    :param interpreter: text behind ``#!`` in scripts, never run; None for the first target's executable.
    :param script_kind: which launchers scripts get; None for those of this system.
    :param bytecode_levels: optimization levels to compile for.
    :param validate_record: "all", "entries" or "none": what of RECORD is held against the archive; what isn't, is
        warned of where it is noticed.
    :param overwrite_existing: whether files that exist are replaced.
    :param upgrade: whether an installed version of a wheel's distribution is removed in the same transaction.
    :param durable: whether everything is on the disk before the commit, so that a loss of power does no harm.
    :param wait: seconds to wait for another call that is at work in the same place.
    :param installer_file: whether INSTALLER is written (recording installed projects specification).
    :param outside_environment: whether the files go to a place of the caller's own, where PEP 668 has no say.
    :param inside_root: whether destdir is the root file system of the targets: PEP 668 is asked there, and the links
        that the schemes' folders go through are followed as the target would, and never lead out.
    """

    flat_folder: str | None = None
    folders: Mapping[str, str] = MappingProxyType({})
    destdir: str | None = None
    interpreter: str | None = None
    script_kind: LauncherKind | None = None
    bytecode_levels: tuple[int, ...] = (0, 1)
    validate_record: str = "all"
    overwrite_existing: bool = False
    upgrade: bool = False
    durable: bool = False
    wait: float = 60.0
    installer_file: bool = True
    outside_environment: bool = False
    inside_root: bool = False


def folders_of(
    targets: Sequence[Target], options: InstallOptions, distribution: str
) -> dict[str, str]:
    """Find the folder of each scheme.

    :param distribution: name that the headers' folder gets.
    :return: absolute paths as the target will see them, without destdir.
    :raises EnvironmentRefusedError: WF508 if the targets don't agree.
    """
    found = [
        {
            scheme: follow_links(folder, options)
            for scheme, folder in _folders_of_one(target, options, distribution).items()
        }
        for target in targets
    ]
    for target, folders in zip(targets, found):
        for scheme in SCHEMES:
            if folders[scheme] != found[0][scheme]:
                sentence = (
                    f"its {scheme} is {folders[scheme]}, "
                    f"that of {name_of(targets[0])} is {found[0][scheme]}"
                )
                finding = Finding(codes.TARGETS_DISAGREE, name_of(target), sentence)
                raise EnvironmentRefusedError([finding])
    return found[0]


def _folders_of_one(target: Target, options: InstallOptions, distribution: str) -> dict[str, str]:
    if options.flat_folder is None:
        folders = {scheme: target.paths[scheme] for scheme in SCHEMES}
        folders["headers"] = os.path.join(folders["headers"], distribution)
    else:
        # where pip's --target moves the folders of the posix_home scheme (_internal/commands/install.py)
        flat = os.path.abspath(options.flat_folder)
        folders = {
            "purelib": flat,
            "platlib": flat,
            "data": flat,
            "scripts": os.path.join(flat, "bin"),
            "headers": os.path.join(flat, "include", "python", distribution),
        }
    folders.update({scheme: os.path.abspath(each) for scheme, each in options.folders.items()})
    return folders


def environment_findings(
    targets: Sequence[Target], policy: Policy, options: InstallOptions
) -> tuple[Finding, ...]:
    """Honour PEP 668 for each target, as pip does.

    :raises EnvironmentRefusedError: WF504.
    """
    findings = []
    for target in targets if not options.outside_environment else ():
        message = externally_managed(target, options.destdir if options.inside_root else None)
        if message is not None:
            finding = Finding(codes.EXTERNALLY_MANAGED, name_of(target), message)
            findings.append(finding._replace(allowed=finding.code.id in policy.allow))
    if any(finding.refuses for finding in findings):
        raise EnvironmentRefusedError(findings)
    return tuple(findings)


def follow_links(path: str, options: InstallOptions) -> str:
    """Follow the links of a path that the target sees, where destdir is its root.

    :raises EnvironmentRefusedError: WF506 if they lead in a circle or can't be read.
    """
    if not options.inside_root or options.destdir is None:
        return path
    from wheelfix.targets.roots import InsideRoot

    try:
        return InsideRoot(options.destdir).resolve(path)
    except OSError as error:
        finding = Finding(codes.CANNOT_WRITE, path, error.strerror or str(error))
        raise EnvironmentRefusedError([finding]) from None


def name_of(target: Target) -> str:
    """Name a target in a message: by its executable, or where it has none by what it is."""
    kind = "t" if target.free_threaded else ""
    parts = (target.implementation, f"{target.version}{kind}", target.libc, target.machine)
    return target.executable or " ".join(part for part in parts if part)


def shebang_of(target: Target) -> str | None:
    """Give the text behind ``#!`` of a target that can't be run here and so has no executable.

    :return: below the prefix where the interpreter lies, if that is known, else by ``/usr/bin/env``; None for a
        target with an executable, whose path is what scripts name.
    """
    if target.executable is not None:
        return None
    command = {"pypy": "pypy3", "graalpy": "graalpy"}.get(target.implementation, "python3")
    if target.base_prefix is None:
        return f"/usr/bin/env {command}"
    return f"{target.base_prefix}/bin/{command}"


def under_destdir(path: str, destdir: str | None) -> str:
    """Give the path to work with of one that the target sees.

    :param path: absolute.
    :param destdir: folder that stands for the target's root, None for the real one.
    """
    if destdir is None:
        return path
    below_root = os.path.splitdrive(path)[1].lstrip(os.sep)
    root = os.path.abspath(destdir)
    return os.path.join(root, below_root) if below_root else root
