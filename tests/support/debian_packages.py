"""Debian's packages of any release, downloaded by apt with index lists of our own."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.interpreters import CannotBuildError

__all__ = ["packages", "run_tool"]

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def run_tool(*command: str, folder: Path | None = None) -> str:
    run = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    if run.returncode != 0:
        raise CannotBuildError(f"{' '.join(command)}: {run.stderr.strip() or run.returncode}")
    return run.stdout


def _mirror() -> str:
    if shutil.which("apt-get") is None or not Path(KEYRING).exists():
        raise CannotBuildError("this is not Debian")
    suites = r"(?:bookworm|trixie|forky|sid|(?:old)*stable|testing|unstable)"
    lines = run_tool("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)")
    found = re.search(rf"^(\S+) {suites}$", lines, re.MULTILINE)
    if found is None:
        raise CannotBuildError("apt is set up with no Debian mirror")
    return found[1]


def packages(cache: Path, suite: str, *names: str) -> list[Path]:
    """Download packages of a suite; apt checks them against the suite's signed index."""
    folder = cache / suite
    wanted = folder / hashlib.sha256("\0".join(names).encode()).hexdigest()[:12]
    if wanted.is_dir():
        return sorted(wanted.glob("*.deb"))
    for part in ("lists/partial", "archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {_mirror()} {suite} main\n")
    # (an empty status file: else apt takes the host's versions for the candidates)
    options = {
        "Dir::Etc::sourcelist": str(sources),
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": str(folder / "lists"),
        "Dir::State::status": "/dev/null",
        "Dir::Cache::archives": str(folder / "archives"),
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Acquire::Retries": "5",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "",
    }
    apt = ["apt-get", "-qq", *(part for item in options.items() for part in ("-o", "=".join(item)))]
    if not (folder / "ready").exists():
        run_tool(*apt, "update")
        (folder / "ready").touch()
    with tempfile.TemporaryDirectory(dir=folder) as new:
        run_tool(*apt, "download", *names, folder=Path(new))
        Path(new).chmod(0o755)
        shutil.copytree(new, wanted)
    return sorted(wanted.glob("*.deb"))
