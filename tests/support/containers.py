"""Images built by buildah, without a daemon and without a registry, on roots of Debian's parts.

The roots stand for real base images: Debian's musl and busybox, and one of the musl interpreters.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from support.cache import cache_folder
from support.debian_packages import packages, run_tool
from support.interpreters import CannotBuildError
from support.load_roots import load_root
from support.wheels import KnownWheel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["PIP", "UV", "Images", "add_pip", "add_python", "add_uv", "add_wheels", "base_root"]

MUSL = "musl-1.2.5"
APPLETS = ("sh", "cat", "env", "ls", "mkdir", "realpath", "rm")
# Where the wheels lie that no index gives here.
WHEELS = "/given-wheels"
# pip and uv look there and nowhere else.
VARIABLES = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/home",
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": WHEELS,
    "UV_OFFLINE": "1",
    "UV_FIND_LINKS": WHEELS,
}


def _tool(file: str, sha256: str, size: int, *arguments: str) -> KnownWheel:
    package, version = file.split("-")[:2]
    wanted = (f"{package}=={version}", "--only-binary=:all:", *arguments)
    return KnownWheel(file, package, version, wanted, sha256, size, {}, {}, (), ("container",))


# the newest one for CPython 3.9
PIP = _tool(
    "pip-26.0.1-py3-none-any.whl",
    "bdb1b08f4274833d62c1aa29e20907365a2ceb950410df15fc9521bad440122b",
    1_787_723,
    "--python-version=3.9",
)
UV = _tool(
    "uv-0.13.8-py3-none-musllinux_1_1_x86_64.whl",
    "29451c60f5e8b07403e0a175d5229efc36b0289b34143ff4aaa499a5dd52553a",
    19_139_972,
    "--platform=musllinux_1_1_x86_64",
)


def base_root(folder: Path) -> Path:
    """Make a root with a shell on musl, as Alpine is one.

    :raises CannotBuildError: not on this machine.
    """
    for name in ("bin", "etc", "home", "tmp", "usr/bin", "usr/local/bin"):
        (folder / name).mkdir(parents=True)
    (folder / "tmp").chmod(0o1777)
    shutil.copytree(load_root(MUSL).folder / "lib", folder / "lib", symlinks=True)
    (archive,) = packages(cache_folder() / "containers", "bookworm", "busybox-static")
    run_tool("dpkg-deb", "-x", str(archive), str(folder / "busybox"))
    (folder / "busybox/bin/busybox").replace(folder / "bin/busybox")
    shutil.rmtree(folder / "busybox")
    for name in APPLETS:
        (folder / "bin" / name).symlink_to("busybox")
    (folder / "usr/bin/env").symlink_to("../../bin/env")
    return folder


def add_python(root: Path, name: str, prefix: str) -> None:
    """Copy a musl interpreter.

    :param prefix: where it comes to, without the first slash.
    """
    known = load_root(MUSL).interpreters[name]
    inside = Path(known.path)
    source = load_root(MUSL).folder / inside.parent.parent.relative_to("/")
    shutil.copytree(source, root / prefix, symlinks=True, dirs_exist_ok=True)
    for link in ("python", "python3"):
        (root / prefix / "bin" / link).symlink_to(inside.name)


def add_pip(root: Path, wheel: Path, version: str) -> None:
    """Put pip into the interpreter at /usr/local."""
    packages_folder = root / f"usr/local/lib/python{version}/site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages_folder)


def add_uv(root: Path, wheel: Path) -> None:
    """Put uv's two programs into /bin; they are static."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if ".data/scripts/uv" in member:
                program = root / "bin" / Path(member).name
                program.write_bytes(archive.read(member))
                program.chmod(0o755)


def add_wheels(root: Path, wheels: Iterable[Path]) -> None:
    """Put wheels where pip and uv find them."""
    folder = root / WHEELS.lstrip("/")
    folder.mkdir()
    for wheel in wheels:
        shutil.copy(wheel, folder)


def _get_buildah() -> None:
    """Install Debian's buildah where there is none, as musl_interpreters.sh does with its compilers.

    :raises CannotBuildError: this isn't Debian, or apt can't.
    """
    if shutil.which("buildah") is None:
        if shutil.which("apt-get") is None:
            raise CannotBuildError("there is no buildah, and no apt-get that could install it")
        run_tool("apt-get", "-qq", "update")
        run_tool("apt-get", "-qq", "install", "-y", "--no-install-recommends", "buildah")


class Images:
    """A store of images of its own.

    :param folder: for the store.
    :raises CannotBuildError: there is no buildah, or it doesn't work here.
    """

    def __init__(self, folder: Path) -> None:
        _get_buildah()
        self._options = ["--root", str(folder / "root"), "--runroot", str(folder / "run")]
        self._options += ["--storage-driver", "vfs"]
        self._policy = folder / "policy.json"
        self._policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        self.run("images")

    def run(self, *arguments: str | Path) -> str:
        """Run a command of buildah and give what it prints.

        :raises CannotBuildError: it failed.
        """
        done = self.process(*arguments)
        if done.returncode != 0:
            raise CannotBuildError(f"buildah {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def process(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command of buildah, whatever its exit status."""
        command = ["buildah", *self._options, *map(str, arguments)]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)

    def add(self, name: str, root: Path, variables: Mapping[str, str] = VARIABLES) -> None:
        """Make an image of a root."""
        container = self.run("from", "scratch").strip()
        self.run("copy", "--quiet", container, root, "/")
        settings = [f"--env={key}={value}" for key, value in variables.items()]
        self.run("config", *settings, container)
        policy = f"--signature-policy={self._policy}"
        self.run("commit", policy, "--quiet", "--rm", container, name)

    def build(
        self, name: str, dockerfile: Path, context: Path, arguments: Iterable[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Build a Dockerfile; nothing is pulled.

        :param arguments: as in "PYTHON=3.9".
        """
        given = [f"--build-arg={argument}" for argument in arguments]
        options = [*given, "--isolation=chroot", "--pull-never"]
        options.append(f"--signature-policy={self._policy}")
        return self.process("bud", *options, "--tag", name, "--file", dockerfile, context)

    def files(self, name: str) -> set[str]:
        """Give the paths of all that an image holds, without the first slash."""
        container = self._container(name)
        root = Path(self.run("mount", container).strip())
        try:
            return {str(path.relative_to(root)) for path in root.rglob("*")}
        finally:
            self.run("umount", container)

    def start(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run an image's own command."""
        command = json.loads(self.run("inspect", "--type", "image", name))["OCIv1"]["config"]["Cmd"]
        container = self._container(name)
        return self.process("run", "--isolation=chroot", container, "--", *command)

    def _container(self, name: str) -> str:
        policy = f"--signature-policy={self._policy}"
        return self.run("from", policy, "--pull-never", name).strip()
