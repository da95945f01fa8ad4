"""Plugin for PDM: what ``pdm install``, ``sync``, ``add`` and ``update`` install is what the environment imports.

PDM finds it by the entry point group ``pdm``. The target is the interpreter of the environment that is installed
into; the environments in which PDM builds sdists are covered too. All link modes of ``install.cache`` work: the cache
stays as the wheel is, and a renamed module is an entry of its own that leads to the cached file. Before anything is
written, all wheels of the call are looked at; if one can't work, the command ends with a sentence and exit status 1.

Not covered: with ``use_uv``, PDM leaves the installing to uv; then a warning says so.

Seams, all public, in PDM 2.29: ``Core.install_manager_class``, ``Core.synchronizer_class``, the signal
``pre_install``, and the classes in ``pdm.installers.installers``.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import Distribution
from typing import TYPE_CHECKING, Any, BinaryIO

from pdm.exceptions import BuildError, PdmUsageError
from pdm.installers import InstallManager, Synchronizer
from pdm.installers.installers import InstallDestination, PackageWheelSource, WheelFile, install
from pdm.models.requirements import strip_extras
from pdm.signals import pre_install
from pdm.utils import fs_supports_link_method
from rich.markup import escape

from wheelfix import WheelfixError
from wheelfix.plugins._shared import lines_about, metadata_of, repaired

if TYPE_CHECKING:
    from pathlib import Path

    from installer.records import RecordEntry
    from installer.sources import WheelSource
    from installer.utils import Scheme
    from pdm.core import Core
    from pdm.installers.installers import LinkMethod
    from pdm.models.candidates import Candidate
    from pdm.project import Project

__all__ = [
    "RefusedError",
    "RepairingDestination",
    "RepairingInstallManager",
    "RepairingSynchronizer",
    "plugin",
]

#: function of os that makes the link, which is part of the method's name in PDM's configuration
_LINK_METHODS: tuple[tuple[str, LinkMethod], ...] = (("symlink", "symlink"), ("link", "hardlink"))


class RefusedError(PdmUsageError):
    """A wheel can't work in the environment; PDM shows errors of this kind without a traceback."""


class RepairingDestination(InstallDestination):
    """PDM's destination; it leaves the source's streams open."""

    def write_to_fs(
        self,
        scheme: Scheme,
        path: str,
        stream: BinaryIO,
        is_executable: bool,  # noqa: FBT001 - installer's signature
    ) -> RecordEntry:
        """Write or link a file."""
        entry: RecordEntry
        if self.link_method == "copy" or not hasattr(stream, "name"):
            entry = super().write_to_fs(scheme, path, stream, is_executable)
        else:
            # PDM closes what it links, but a module may go out under a second name
            with open(stream.name, "rb") as own_stream:
                entry = super().write_to_fs(scheme, path, own_stream, is_executable)
        return entry


class RepairingInstallManager(InstallManager):
    """Does what PDM's does, under names that the environment imports."""

    #: what is to be told of the wheels
    lines: list[str]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.lines = []

    def install(self, candidate: Candidate) -> Distribution:
        """Install a candidate.

        Source of what isn't about names: ``pdm/installers/installers.py``, install_wheel.

        :raises RefusedError: before anything is written, if it can't work in the environment.
        """
        prepared = candidate.prepare(self.environment)
        wheel = prepared.build()
        metadata = {"INSTALLER": b"pdm"}
        direct_url = prepared.direct_url()
        if direct_url is not None:
            metadata["direct_url.json"] = json.dumps(direct_url, indent=2).encode()
        if candidate.requested:
            metadata["REQUESTED"] = b""
        if self.use_install_cache and not candidate.req.editable:
            dist_info = self._install_from_cache(wheel, metadata)
        else:
            with WheelFile.open(wheel) as source:
                dist_info = self._write(source, wheel, "copy", metadata)
        return Distribution.at(dist_info)

    def refusal(self, candidate: Candidate) -> str | None:
        """Tell what speaks against a candidate, or None; where its wheel isn't there, it is fetched or built.

        :raises BuildError: if it can't be built.
        """
        try:
            with WheelFile.open(candidate.prepare(self.environment).build()) as source:
                self._repaired(source)
        # of a build environment
        except RefusedError as error:
            return str(error)
        except BuildError:
            raise
        except Exception:  # noqa: BLE001 - PDM will meet it again, try once more, and tell
            return None
        return None

    def _install_from_cache(self, wheel: Path, metadata: dict[str, bytes]) -> str:
        package = self.environment.project.package_cache.cache_wheel(wheel)
        method = self._link_method(wheel)
        if method == "symlink":
            metadata["REFER_TO"] = package.path.as_posix().encode()
        dist_info = self._write(PackageWheelSource(package), wheel, method, metadata)
        if method == "symlink":
            package.add_referrer(dist_info)
        return dist_info

    def _link_method(self, wheel: Path) -> LinkMethod:
        # PDM's own exception: editables is imported from where its files really are
        is_linked = _distribution(wheel) != "editables"
        wanted: str = self.environment.project.config["install.cache_method"] if is_linked else ""
        return next(
            (
                method
                for call, method in _LINK_METHODS
                if call in wanted and fs_supports_link_method(call)
            ),
            "copy",
        )

    def _write(
        self, source: WheelSource, wheel: Path, method: LinkMethod, metadata: dict[str, bytes]
    ) -> str:
        """Write a wheel and give the path of its dist-info folder."""
        environment = self.environment
        repaired_source = self._repaired(source)
        destination = RepairingDestination(
            scheme_dict=environment.get_paths(_distribution(wheel)),
            interpreter=str(environment.interpreter.executable),
            script_kind=environment.script_kind,
            link_method=method,
            rename_pth=self.rename_pth,
        )
        metadata = {**metadata, **metadata_of(repaired_source.plan)}
        dist_info: str = install(repaired_source, destination, metadata)
        self.lines += lines_about(repaired_source)
        return dist_info

    def _repaired(self, source: WheelSource) -> Any:
        try:
            return repaired(source, str(self.environment.interpreter.executable))
        except WheelfixError as error:
            raise RefusedError(escape(f"wheelfix: {error}")) from error


class RepairingSynchronizer(Synchronizer):
    """Looks at all wheels before PDM's writes the first one."""

    def synchronize(self) -> None:
        """Bring the environment to what is locked.

        :raises RefusedError: before anything is written, with what speaks against each wheel.
        """
        manager = self.manager
        # another plugin may have put its own in place
        if self.dry_run or not isinstance(manager, RepairingInstallManager):
            super().synchronize()
            return
        self._refuse(manager)
        try:
            super().synchronize()
        finally:
            # not before: meanwhile the terminal is PDM's
            for line in manager.lines:
                self.ui.echo(escape(line), err=True)

    def _refuse(self, manager: RepairingInstallManager) -> None:
        to_add, to_update, _ = self.compare_with_working_set()
        wanted = [
            candidate
            for key, candidate in self.candidates.items()
            if strip_extras(key)[0] in {*to_add, *to_update} and not candidate.req.editable
        ]
        if not wanted:
            return
        with (
            self.ui.open_spinner("Looking at the wheels..."),
            ThreadPoolExecutor(max_workers=None if self.parallel else 1) as pool,
        ):
            refusals = [refusal for refusal in pool.map(manager.refusal, wanted) if refusal]
        if refusals:
            raise RefusedError("\n".join(refusals))


def _distribution(wheel: Path) -> str:
    return wheel.name.split("-")[0]


def _warn_of_uv(project: Project, **_arguments: object) -> None:
    if project.config.get("use_uv"):
        project.core.ui.warn(
            "wheelfix: with use_uv, PDM's plugins see no wheel; run `wheelfix fix` afterwards."
        )


def plugin(core: Core) -> None:
    """Have PDM install wheels under names that the environment imports."""
    core.install_manager_class = RepairingInstallManager
    # Project.get_synchronizer asks for it; the class doesn't declare it
    core.synchronizer_class = RepairingSynchronizer  # type: ignore[attr-defined,unused-ignore]
    pre_install.connect(_warn_of_uv)
