"""Which extension modules a call has installed, and by which names they are imported."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wheelfix.archive import WheelArchive, scheme_of
from wheelfix.elf import MalformedElfError, init_symbol_names, read_facts
from wheelfix.naming import ExtensionName
from wheelfix.planning import IMPORT_SCHEMES
from wheelfix.verifying._model import InstalledFile, InstalledModule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from wheelfix.planning import Plan

__all__ = ["WheelFiles"]


class WheelFiles:
    """What a wheel brings to folders that are searched for modules.

    It is read before the install: afterwards the wheel need not be there any more.

    :param path: of the wheel file.
    :param allow: codes of refusals that are let through.
    :param validate_record: what of RECORD is held against the archive, as for an install.
    :raises InvalidWheelError: if the wheel is broken.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        allow: Collection[str] = (),
        validate_record: str = "all",
    ) -> None:
        with WheelArchive.open(path, allow=allow, validate_record=validate_record) as archive:
            placed = [
                (each, *scheme_of(each, archive, archive.root_scheme)) for each in archive.paths
            ]
        #: path, scheme and the path in its folder
        self._placed = [each for each in placed if each[1] in IMPORT_SCHEMES]

    @property
    def top_level_names(self) -> frozenset[str]:
        """What an import statement can begin with."""
        first = {in_folder.partition("/")[0] for _, _, in_folder in self._placed}
        return frozenset(name.partition(".")[0] for name in first)

    def modules(self, plan: Plan, folders: Mapping[str, str]) -> list[InstalledModule]:
        """Find the extension modules that were installed, and hold their init symbols against their names.

        Members that no import statement reaches are left out, as are libraries.

        :param plan: by which the wheel was installed.
        :param folders: of the schemes, absolute, as they are to be read here.
        """
        entries = {
            scheme: ["", *self._path_entries(scheme, folders[scheme])] for scheme in IMPORT_SCHEMES
        }
        by_name: dict[str, list[InstalledFile]] = {}
        for path, scheme, in_folder in self._placed:
            above = path[: len(path) - len(in_folder)]
            for new_path in plan.paths_of(path):
                new_in_folder = new_path[len(above) :]
                name = _dotted_name(new_in_folder, entries[scheme])
                file = os.path.join(folders[scheme], *new_in_folder.split("/"))
                if name is not None and _is_module(file, name):
                    by_name.setdefault(name, []).append(InstalledFile(path, file))
        return [InstalledModule(name, tuple(files)) for name, files in by_name.items()]

    def _path_entries(self, scheme: str, folder: str) -> Iterator[str]:
        """Give the folders that the wheel's own .pth files add (site.py, ``addpackage``)."""
        for _, of, in_folder in self._placed:
            if of == scheme and in_folder.endswith(".pth") and "/" not in in_folder:
                with open(
                    os.path.join(folder, in_folder), encoding="utf-8", errors="replace"
                ) as stream:
                    for line in stream:
                        entry = line.strip().strip("/")
                        if entry and not line.startswith(("#", "import ", "import\t", "/")):
                            yield f"{entry}/"


def _dotted_name(path: str, entries: list[str]) -> str | None:
    """Give the name by which an extension module is imported; None for what no import statement reaches."""
    folder, _, file_name = path.rpartition("/")
    name = ExtensionName.parse(file_name)
    if name is None:
        return None
    for entry in entries:
        if f"{folder}/".startswith(entry):
            packages = [each for each in f"{folder}/"[len(entry) :].split("/") if each]
            parts = packages if name.stem == "__init__" else [*packages, name.stem]
            if parts and all(part.isidentifier() for part in parts):
                return ".".join(parts)
    return None


def _is_module(file: str, name: str) -> bool:
    """Say whether it is a shared object with the init symbol of its name.

    Where that can't be read (a damaged file, another format than ELF), it is what its name says.
    """
    symbols = init_symbol_names(name.rpartition(".")[2])
    try:
        with open(file, "rb") as stream:
            facts = read_facts(stream, file, symbols)
    except MalformedElfError:
        parsed = ExtensionName.parse(os.path.basename(file))
        return parsed is not None and parsed.abi is not None
    return facts.is_shared_object and bool(facts.init_symbols)
