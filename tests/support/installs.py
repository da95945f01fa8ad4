"""Installs wheels through real command lines, and tells what an interpreter imports of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from support.interpreters import Interpreter

__all__ = [
    "Outcome",
    "extension_modules",
    "install",
    "install_plainly",
    "new_names",
    "origins",
    "refusal",
    "wheelfix",
]

_EXTENSION_MODULE = re.compile(r"\.(cpython-\w+|abi3t?)(-[\w-]+)?\.so$")


@dataclass(frozen=True)
class Outcome:
    """What one call of ``wheelfix install`` came to.

    :param status: exit status.
    :param report: the report, schema version 1.
    :param errors: what it said on stderr.
    """

    status: int
    report: Mapping[str, Any]
    errors: str

    @property
    def codes(self) -> list[str]:
        """The codes of all findings, those of a refusal too."""
        findings = [*self.report["refusals"]]
        for wheel in self.report["wheels"]:
            findings += wheel["findings"]
            findings += [each for one in wheel["decisions"] for each in one["findings"]]
        return sorted({finding["code"] for finding in findings})


def wheelfix(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line tool as its users do, in a process of its own, with warnings as errors."""
    command = [sys.executable, "-W", "error", "-m", "wheelfix", *map(str, arguments)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=300, **options
    )


def _install(*arguments: str | Path) -> Outcome:
    done = wheelfix("install", "--report", "-", *arguments)
    assert done.returncode in {0, 1}, done.stderr
    return Outcome(done.returncode, json.loads(done.stdout), done.stderr)


def install(
    wheels: Iterable[Path],
    folder: Path,
    *pythons: Interpreter,
    options: Sequence[str] = ("--no-compile-bytecode",),
) -> Outcome:
    """Install wheels for one or more interpreters into one folder.

    :raises AssertionError: the call was refused.
    """
    where = [argument for python in pythons for argument in ("--python", python.executable)]
    outcome = _install(*where, "--target", folder, *options, *wheels)
    assert outcome.status == 0, outcome.errors
    assert outcome.report["outcome"] in {"installed", "planned"}
    return outcome


def refusal(
    wheel: Path, folder: Path, *pythons: Interpreter, options: Sequence[str] = ()
) -> Outcome:
    """Install a wheel that is refused, which writes nothing.

    :raises AssertionError: it was installed, or something was written.
    """
    where = [argument for python in pythons for argument in ("--python", python.executable)]
    outcome = _install(*where, "--target", folder, *options, wheel)
    assert outcome.status == 1, outcome.report
    assert outcome.report["outcome"] == "refused"
    assert not folder.exists()
    return outcome


def install_plainly(wheels: Iterable[Path], folder: Path) -> Path:
    """Install wheels with ``python -m installer`` and give the folder to import from."""
    for wheel in wheels:
        command = [sys.executable, "-m", "installer", "--destdir", str(folder), "--prefix", "/usr"]
        command += ["--no-compile-bytecode", str(wheel)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
    found = {path.parent for path in folder.glob("usr/**/*-packages/*.dist-info")}
    assert len(found) == 1
    return found.pop()


def extension_modules(wheel: Path) -> dict[str, str]:
    """Name the modules of a wheel that are machine code, each with its path in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        paths = [path for path in archive.namelist() if _EXTENSION_MODULE.search(path)]
    stems = {_EXTENSION_MODULE.sub("", path): path for path in paths}
    return {
        re.sub(r"\.__init__$", "", stem.replace("/", ".")): path for stem, path in stems.items()
    }


def new_names(outcome: Outcome) -> dict[str, str]:
    """Give old and new path of each file that got another name, or a second one."""
    return {
        decision["path"]: decision["new_path"]
        for wheel in outcome.report["wheels"]
        for decision in wheel["decisions"]
        if decision["new_path"] is not None
    }


_ORIGINS = """
import importlib, importlib.util, json, sys
first, only_found = sys.argv[1], sys.argv[2].split()
if first:
    importlib.import_module(first)
found = {}
for name in sys.argv[3:]:
    try:
        spec = importlib.util.find_spec(name)
        found[name] = spec and spec.origin
        if spec and name not in only_found:
            found[name] = importlib.import_module(name).__spec__.origin
    except ImportError as error:
        found[name] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
"""


def origins(
    python: Interpreter,
    modules: Iterable[str],
    folder: Path,
    *,
    first: str = "",
    only_found: Iterable[str] = (),
) -> dict[str, str | None]:
    """Import modules from a folder.

    :param first: a module to import before (psycopg_binary wants psycopg to be there).
    :param only_found: those that are not imported, because they need what isn't there.
    :return: the file that each comes from; None where no finder sees it, the error where its import fails.
    """
    arguments = [first, " ".join(only_found), *modules]
    done = python.process("-s", "-c", _ORIGINS, *arguments, path=[folder])
    assert done.returncode == 0, f"{python.name} failed:\n{done.stdout}{done.stderr}"
    found: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
    return found
