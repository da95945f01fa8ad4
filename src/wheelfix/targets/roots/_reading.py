"""The door to an interpreter in a root file system, which is read and never run."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING, NoReturn

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.elf import MalformedElfError
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.targets.roots._collecting import collect_sources
from wheelfix.targets.roots._deciding import ReadTarget, Wish, decide
from wheelfix.targets.roots._interpreters import (
    find_interpreters,
    find_place,
    is_virtual_environment,
    read_binary,
    read_elf,
)
from wheelfix.targets.roots._paths import InsideRoot

if TYPE_CHECKING:
    from wheelfix.targets._target import Target

__all__ = ["examine_root", "read_root"]


def read_root(
    root: str, python: str | None = None, *, scheme: str | None = None, prefix: str | None = None
) -> Target:
    """Describe an interpreter in a root file system (unpacked image, sysroot, mounted container) by its files alone.

    All facts that asking gives are there, and ``evidence`` names the file that each came from. Where several sources
    tell one fact, the first of these counts:

    1. what is compiled into libpython or a static executable: it is what will decide when the interpreter runs;
    2. the names of the modules in lib-dynload: the interpreter's own build gave them, and imports them;
    3. ``_sysconfigdata_*.py``, its JSON twin, pyconfig.h and patchlevel.h: configure wrote them for the machine built
       for, but there may be several of them, and tools edit them;
    4. build-details.json (PEP 739): in a cross build it describes the building interpreter (cpython issue 136267).

    libc, its version and the architecture come from the ELF header, PT_INTERP and the loader; paths from the schemes
    in sysconfig's own source. Files are only parsed, links are followed inside the root only.

    :param root: folder that is ``/`` to the interpreter.
    :param python: path of the executable, or of a virtual environment's folder, as seen from inside; None for the
        only interpreter in bin, usr/bin, usr/local/bin, opt/*/bin and opt/*/*/bin.
    :param scheme: name of a sysconfig scheme for the paths; None for the default one.
    :param prefix: folder that stands in for base and platbase.
    :raises EnvironmentRefusedError: if nothing can be read (WF520), there are several interpreters (WF521), or no
        such scheme (WF507).
    """
    return examine_root(root, python, scheme=scheme, prefix=prefix).target


def examine_root(
    root: str, python: str | None = None, *, scheme: str | None = None, prefix: str | None = None
) -> ReadTarget:
    """Describe an interpreter as :func:`read_root`, and tell which files say nothing readable or disagree."""
    if not os.path.isdir(root):
        _refuse(root, "there is no such folder")
    inside = InsideRoot(root)
    try:
        return _examine(inside, root, python, scheme, prefix)
    except OSError as error:
        return _refuse(str(error.filename or root), error.strerror or str(error))
    except MalformedElfError as error:
        finding = error.findings[0]
        return _refuse(finding.subject, f"it is no readable ELF file: {finding.sentence}")


def _examine(
    inside: InsideRoot, root: str, python: str | None, scheme: str | None, prefix: str | None
) -> ReadTarget:
    executable = _only_interpreter(inside, root) if python is None else _chosen(inside, python)
    elf = read_elf(inside, executable)
    binary = read_binary(inside, elf)
    found = find_place(inside, executable, elf, binary)
    if found is None:
        _refuse(executable, "its standard library is not in the root")
    sources, findings = collect_sources(inside, found, elf, binary)
    read = decide(sources, Wish(executable, codes.CANNOT_READ_ROOT, scheme, prefix))
    return read._replace(findings=(*findings, *read.findings))


def _only_interpreter(inside: InsideRoot, root: str) -> str:
    found = find_interpreters(inside)
    if not found:
        _refuse(
            root, "it holds no Python in bin, usr/bin, usr/local/bin or opt; name it with --python"
        )
    if len(found) > 1:
        choices = "; ".join(f"--python {each}" for each in found)
        finding = Finding(codes.SEVERAL_INTERPRETERS, root, f"choose one of them: {choices}")
        raise EnvironmentRefusedError([finding])
    return found[0]


def _chosen(inside: InsideRoot, python: str) -> str:
    path = posixpath.join("/", python)
    if inside.is_folder(path):
        executable = is_virtual_environment(inside, path)
        if executable is None:
            _refuse(path, "the folder holds no bin/python, so it is no virtual environment")
        return executable
    if not inside.is_file(path):
        known = ", ".join(find_interpreters(inside)) or "none in the usual places"
        _refuse(path, f"there is no such file in the root; interpreters in it: {known}")
    # names of links count (a virtual environment's bin/python), "." and ".." don't
    return path


def _refuse(subject: str, sentence: str) -> NoReturn:
    raise EnvironmentRefusedError([Finding(codes.CANNOT_READ_ROOT, subject, sentence)])
