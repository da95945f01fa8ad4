"""Real, current Poetry and PDM, with and without the plugin, and an index of wheels for them."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from support.cache import cache_folder
from support.tool_environments import own_wheel
from support.wheels import DownloadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from support.interpreters import Interpreter

__all__ = ["Tool", "ToolError", "fill_pdm_cache", "plain_tool", "serve", "tool"]

_CHECKOUT = Path(__file__).parent.parent.parent
#: seconds after which the newest version is asked for again
_MAX_AGE = 24 * 60 * 60
#: "locked" are the versions that PDM is tested with: with hishel 2 PDM 2.29.3 doesn't start
_REQUIREMENTS = {"poetry": ["poetry"], "pdm": ["pdm[locked]", "uv"]}
#: what wheelfix needs, and what measures which of its lines run
_OUR_REQUIREMENTS = ["packaging>=26.1", "pyelftools>=0.32", "wheel>=0.45", "coverage[toml]>=7.6"]


class ToolError(Exception):
    """A tool can't be had; the text says why."""


@dataclass(frozen=True)
class Tool:
    """Poetry or PDM.

    :param name: "poetry" or "pdm".
    :param plain: an interpreter with the tool.
    :param with_plugin: one with the tool and wheelfix.
    :param has_sqlite: whether it can measure coverage, which the musl interpreters of the tests can't.
    """

    name: str
    plain: Path
    with_plugin: Path
    has_sqlite: bool

    def run(
        self,
        *arguments: str | Path,
        folder: Path,
        variables: Mapping[str, str],
        plugin: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run it in a project's folder, with nothing of the caller's environment but PATH; stderr goes to stdout."""
        python = self.with_plugin if plugin else self.plain
        command = [str(python), *(self._measuring if plugin else []), "-m", self.name]
        return self._run(command + [str(each) for each in arguments], folder, variables)

    def run_code(self, code: str, *, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run code in the interpreter that has the tool and wheelfix."""
        script = folder / "script.py"
        script.write_text(code, "utf-8")
        return self._run([str(self.with_plugin), *self._measuring, str(script)], folder, {})

    @property
    def _measuring(self) -> list[str]:
        """Give what has the run measured, where this one is."""
        if "COVERAGE_RUN" not in os.environ or not self.has_sqlite:
            return []
        return ["-m", "coverage", "run", f"--rcfile={_CHECKOUT / 'pyproject.toml'}"]

    @staticmethod
    def _run(
        command: list[str], folder: Path, variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        home = folder / "home"
        home.mkdir(exist_ok=True)
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), **variables}
        if "COVERAGE_FILE" in os.environ:
            environment["COVERAGE_FILE"] = os.path.abspath(os.environ["COVERAGE_FILE"])
        return subprocess.run(
            command,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            cwd=folder,
            env=environment,
            timeout=300,
        )


def tool(name: str, python: Interpreter, folder: Path) -> Tool:
    """Give a tool on an interpreter: the newest, as of a day ago, and wheelfix as the checkout is.

    :param folder: where the environment with wheelfix is made; the tool itself is kept in the tests' cache.
    :raises ToolError: it can't be installed.
    """
    plain = plain_tool(name, python)
    environment = folder / f"{name}-with-wheelfix"
    _check([python.executable, "-m", "venv", "--without-pip", environment])
    with_plugin = environment / "bin" / "python"
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    tools_packages, packages = (
        _check([each, "-I", "-c", query]).strip() for each in (plain, with_plugin)
    )
    Path(packages, "tool.pth").write_text(f"{tools_packages}\n")
    # no index: all that it requires is there
    install: list[str | Path] = [
        plain,
        "-m",
        "pip",
        "--python",
        with_plugin,
        "install",
        "--no-index",
    ]
    try:
        wheel = own_wheel(folder)
    except DownloadError as error:
        raise ToolError(str(error)) from error
    _check([*install, wheel])
    query = "import importlib.util as u; print(u.find_spec('_sqlite3') is not None)"
    has_sqlite = _check([with_plugin, "-I", "-c", query]).strip() == "True"
    return Tool(name, plain, with_plugin, has_sqlite)


def plain_tool(name: str, python: Interpreter) -> Path:
    """Give an interpreter with a tool, the newest as of a day ago, kept in the tests' cache.

    :raises ToolError: it can't be installed.
    """
    key = hashlib.sha256(os.fsencode(python.executable)).hexdigest()[:12]
    folder = cache_folder() / "tools" / f"{name}-{key}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    executable, stamp = folder / "bin" / "python", folder / "complete"
    # one test run makes it, another one waits
    with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and time.time() - stamp.stat().st_mtime < _MAX_AGE:
            return executable
        was_there = stamp.exists()
        try:
            if not was_there:
                shutil.rmtree(folder, ignore_errors=True)
                _check([python.executable, "-m", "venv", folder])
            pip = [str(executable), "-m", "pip", "--disable-pip-version-check", "install"]
            # the one of CPython 3.9 finds no versions that go together, for minutes
            _check([*pip, "--upgrade", "pip"])
            _check([*pip, "--upgrade", *_REQUIREMENTS[name], *_OUR_REQUIREMENTS])
        except ToolError:
            # without a network, the one of some days ago will do
            if not was_there:
                raise
        else:
            stamp.touch()
    return executable


def fill_pdm_cache(folder: Path) -> None:
    """Put what PDM downloads for environments of CPython 3.9 into its cache folder, from the tests' own cache.

    Source: ``pdm/environments/base.py``, BaseEnvironment._ensure_compat_lib.

    :raises ToolError: it can't be downloaded.
    """
    kept = cache_folder() / "tools" / "pdm-compat_libs"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{kept}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.is_dir():
            new = kept.with_name(f"{kept.name}.new")
            shutil.rmtree(new, ignore_errors=True)
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
            _check([*pip, "--quiet", "--target", str(new), "dep-logic<0.7"])
            new.replace(kept)
    shutil.copytree(kept, folder / ".compat_libs")


def _check(command: Iterable[str | Path]) -> str:
    arguments = [str(each) for each in command]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(
        arguments, check=False, capture_output=True, text=True, env=variables, timeout=600
    )
    if run.returncode != 0:
        raise ToolError(f"{' '.join(arguments)}:\n{run.stderr[-2000:]}")
    return run.stdout


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its signature
        pass


@contextlib.contextmanager
def serve(wheels: Iterable[Path], folder: Path) -> Iterator[str]:
    """Serve wheels as a simple repository (PEP 503) and give its address.

    :param folder: where the pages are made.
    """
    for wheel in wheels:
        project = folder / "simple" / wheel.name.split("-")[0].lower().replace("_", "-")
        project.mkdir(parents=True, exist_ok=True)
        shutil.copy(wheel, project)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        with (project / "index.html").open("a", encoding="utf-8") as page:
            page.write(f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a><br>\n')
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/simple"
        finally:
            server.shutdown()
            thread.join()
