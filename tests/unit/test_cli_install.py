from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import installer
import pytest

from support.elf_maker import AARCH64, ARCHITECTURES, X86_64, extension_module
from support.target_maker import make_target
from support.trees import names, tree
from support.wheel_maker import make_wheel, record_hash
from wheelfix.cli import main
from wheelfix.codes import CODES
from wheelfix.layout import SCHEMES
from wheelfix.targets.asking import asked_target
from wheelfix.targets.running import running_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.interpreters import InterpreterFactory

    Tree = Mapping[str, tuple[str, int, bytes]]

RUNNING = running_target()
INFO = "example-1.0.dist-info"
DATA = "example-1.0.data"

with_installer_1 = pytest.mark.skipif(
    not installer.__version__.startswith("1."),
    reason="the flags are those of installer 1.x, which needs Python 3.10",
)


@pytest.fixture(autouse=True)
def _reproducible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytecode without the time in it, so that trees can be compared."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "315532800")


def full_wheel(folder: Path, **changes: Any) -> Path:
    """Make a wheel with a file in each scheme."""
    return make_wheel(
        folder,
        {
            "pkg/__init__.py": "def main():\n    print('hello')\n",
            "pkg/data.txt": "data\n",
            "z.py": "",
            f"{DATA}/platlib/pkg/more.py": "x = 1\n",
            f"{DATA}/scripts/run": "#!python -E\nprint('run')\n",
            f"{DATA}/scripts/shell": "#!/bin/sh\n",
            f"{DATA}/headers/pkg.h": "int x;\n",
            f"{DATA}/data/share/doc/pkg": "doc\n",
            f"{INFO}/licenses/LICENSE": "free\n",
        },
        entry_points="[console_scripts]\nhello = pkg:main\n[gui_scripts]\nwindow = pkg:main\n",
        executable=[f"{DATA}/scripts/run", f"{DATA}/scripts/shell", "pkg/data.txt"],
        **changes,
    )


def pure_wheel(folder: Path, name: str = "pure", **files: str) -> Path:
    return make_wheel(folder, {f"{name}.py": "", **files}, name=name)


def stable_abi_wheel(folder: Path, module_folder: str = "") -> Path:
    """Make an abi3 wheel that CPython 3.15 would have built for the running interpreter's platform."""
    triplet, architecture = RUNNING.platform_triplet, RUNNING.architecture
    suffix = f".abi3-{triplet}.so"
    if RUNNING.implementation != "cpython" or suffix in RUNNING.extension_suffixes:
        pytest.skip("this interpreter imports .abi3-<platform>.so by itself")
    made = {"x86_64": X86_64, "aarch64": AARCH64, **ARCHITECTURES}.get(RUNNING.machine)
    if made is None or architecture is None or RUNNING.libc is None:
        pytest.skip(f"no module can be made for {RUNNING.machine}")
    platform = next(tag for tag in RUNNING.tags if "linux" in tag).rpartition("-")[2]
    module = extension_module("fast", made, libc=RUNNING.libc)
    return make_wheel(
        folder,
        {f"{module_folder}fast{suffix}": module},
        name="stable",
        tags=f"cp39-abi3-{platform}",
    )


def foreign_wheel(folder: Path) -> Path:
    return make_wheel(
        folder, {"foreign.py": ""}, name="foreign", tags="cp27-cp27mu-manylinux1_i686"
    )


def without_bytecode_rows(found: Tree) -> dict[str, tuple[str, int, bytes]]:
    """Take the rows of bytecode out of RECORD, where installer doesn't list it."""
    row = re.compile(rb"(?m)^[^\n]*\.pyc,sha256=[^\n]*\n")
    return {
        path: (kind, mode, row.sub(b"", content) if path.endswith("/RECORD") else content)
        for path, (kind, mode, content) in found.items()
    }


def without_installer(found: Tree) -> dict[str, tuple[str, int, bytes]]:
    """Take INSTALLER and its row in RECORD away."""
    kept = {}
    for path, (kind, mode, content) in found.items():
        if path.endswith("/INSTALLER"):
            assert content == b"wheelfix\n"
            continue
        if path.endswith("/RECORD"):
            row = re.compile(rb"[^\n]*/INSTALLER,[^\n]*\n")
            assert len(row.findall(content)) == 1
            content = row.sub(b"", content)  # noqa: PLW2901
        kept[path] = (kind, mode, content)
    return kept


def installed_by_installer(root: Path, *arguments: str) -> dict[str, tuple[str, int, bytes]]:
    """Run the real one, and give the tree; the root is empty again afterwards."""
    run = subprocess.run(
        [sys.executable, "-m", "installer", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=root.parent,
    )
    assert run.returncode == 0, run.stderr
    found = tree(root)
    shutil.rmtree(root)
    return found


# the flags of python -m installer


FLAGS = {
    "destdir": ["--destdir", "{root}"],
    "short destdir": ["-d", "{root}"],
    "destdir and prefix": ["--destdir", "{root}", "--prefix", "/opt/x"],
    "prefix": ["--prefix", "{root}"],
    "short prefix": ["-p", "{root}"],
    "relative prefix": ["--prefix", "root"],
    "relative destdir": ["--destdir", "./root/"],
    "odd prefix": ["--destdir", "{root}", "--prefix", "/opt//y/../x/"],
    "level 0": ["--destdir", "{root}", "--compile-bytecode", "0"],
    "levels 2 and 0": ["--destdir={root}", "--compile-bytecode=2", "--compile-bytecode=0"],
    "no bytecode": ["--destdir", "{root}", "--no-compile-bytecode"],
    "no bytecode before all": ["-d{root}", "--no-compile-bytecode", "--compile-bytecode=1"],
    "validate all": ["--destdir", "{root}", "--validate-record", "all"],
    "validate entries": ["--destdir", "{root}", "--validate-record", "entries"],
    "validate none": ["--destdir", "{root}", "--validate-record=none"],
    "overwrite": ["--destdir", "{root}", "--overwrite-existing"],
    "abbreviated": ["--dest", "{root}", "--no-comp", "--val", "all", "--over"],
}


@with_installer_1
@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_every_flag_does_what_it_does_in_installer(
    tmp_path: Path, flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    wheel = str(full_wheel(tmp_path))
    arguments = [flag.format(root=root) for flag in flags]
    theirs = installed_by_installer(root, *arguments, wheel)
    monkeypatch.chdir(tmp_path)
    assert main(["install", *arguments, "--repair", "off", "--no-installer-file", wheel]) == 0
    assert without_bytecode_rows(tree(root)) == theirs
    shutil.rmtree(root)
    assert main(["install", *arguments, wheel]) == 0
    assert without_bytecode_rows(without_installer(tree(root))) == theirs


@with_installer_1
def test_an_empty_destdir_is_the_current_folder_as_in_installer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "opt"
    wheel = str(full_wheel(tmp_path))
    arguments = ["--destdir", "", "--prefix", "/opt/x", "--no-compile-bytecode"]
    theirs = installed_by_installer(root, *arguments, wheel)
    monkeypatch.chdir(tmp_path)
    assert main(["install", *arguments, "--no-installer-file", wheel]) == 0
    assert tree(root) == theirs


@with_installer_1
def test_several_wheels_as_in_installer(tmp_path: Path) -> None:
    root = tmp_path / "root"
    wheels = [str(full_wheel(tmp_path)), str(pure_wheel(tmp_path))]
    arguments = ["--destdir", str(root), *wheels]
    theirs = installed_by_installer(root, *arguments)
    assert main(["install", "--no-installer-file", *arguments]) == 0
    assert without_bytecode_rows(tree(root)) == theirs


@with_installer_1
def test_scripts_are_made_executable_and_the_rest_is_the_same(tmp_path: Path) -> None:
    root = tmp_path / "root"
    wheel = str(make_wheel(tmp_path, {"a.py": "", f"{DATA}/scripts/run": "#!python\n"}))
    arguments = ["--destdir", str(root), wheel]
    theirs = installed_by_installer(root, *arguments)
    assert main(["install", "--no-installer-file", *arguments]) == 0
    ours = without_bytecode_rows(tree(root))
    (script,) = (path for path in ours if path.endswith("bin/run"))
    assert (theirs[script][1], ours[script][1]) == (0o644, 0o755)
    assert ours.pop(script)[2] == theirs.pop(script)[2]
    assert ours == theirs


@with_installer_1
def test_overwriting_gives_what_installer_gives(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (tmp_path / "old").mkdir()
    old = str(make_wheel(tmp_path / "old", {"pkg/__init__.py": "old", "pkg/gone.py": ""}))
    new = str(full_wheel(tmp_path))
    arguments = ["--destdir", str(root), "--overwrite-existing"]
    assert main(["install", "--no-installer-file", *arguments, old]) == 0
    assert main(["install", "--no-installer-file", *arguments, new]) == 0
    ours = without_bytecode_rows(tree(root))
    shutil.rmtree(root)
    subprocess.run([sys.executable, "-m", "installer", *arguments, old], check=True)
    assert installed_by_installer(root, *arguments, new) == ours


@with_installer_1
def test_the_flags_are_a_superset_of_installers() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "installer", "--help"], check=True, capture_output=True, text=True
    )
    theirs = set(re.findall(r"--?[a-z][a-z-]*", run.stdout.partition("options:")[2]))
    assert theirs > {"--destdir", "-d", "--validate-record"}
    assert theirs <= set(re.findall(r"--?[a-z][a-z-]*", help_text()))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--compile-bytecode", "3"],
        ["--compile-bytecode", "x"],
        ["--validate-record", "some"],
        ["--repair", "perhaps"],
        ["--script-kind", "win"],
        ["--target", "x", "--prefix", "y"],
        ["--target", "x", "--scheme", "posix_prefix"],
        ["--target", ""],
        ["--purelib", ""],
        ["--interpreter", ""],
        ["--interpreter", " "],
        ["--interpreter", "#!/usr/bin/python3"],
        ["--interpreter", "/usr/bin/python3\nimport os"],
        ["--allow", "WF999"],
        ["--allow", "WF505"],
        ["--allow", "WF101"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_is_2(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["install", *arguments, str(tmp_path / "a-1-py3-none-any.whl")])
    assert caught.value.code == 2
    assert ": error: " in capsys.readouterr().err


def test_what_is_said_of_a_code_that_cannot_be_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    for code, words in [
        ("wf505", f"WF505 can't be allowed: {CODES['WF505'].reason}"),
        ("WF999", "there is no code 'WF999'; `wheelfix explain` lists them"),
    ]:
        with pytest.raises(SystemExit):
            main(["install", "--allow", code, "a.whl"])
        assert words in capsys.readouterr().err


def help_text() -> str:
    stream = io.StringIO()
    stdout, sys.stdout = sys.stdout, stream
    try:
        with pytest.raises(SystemExit):
            main(["install", "--help"])
    finally:
        sys.stdout = stdout
    return stream.getvalue()


def test_help_names_each_flag_and_holds_examples() -> None:
    text = help_text()
    flags = {
        *("--python", "--destdir", "-d", "--prefix", "-p", "--target", "-t", "--scheme"),
        *(f"--{scheme}" for scheme in SCHEMES),
        *("--compile-bytecode", "--no-compile-bytecode", "--interpreter", "--script-kind"),
        *("--overwrite-existing", "--no-installer-file", "--validate-record", "--repair"),
        *("--allow", "--dry-run", "--report", "--help", "-h"),
        *("--upgrade", "-U", "--wait", "--durable"),
        *("--profile", "--arch", "--root", "--target-info", "--verify"),
    }
    assert flags - {"-d", "-p", "-t", "-h", "-U"} <= set(re.findall(r"--[a-z-]+", text))
    assert flags >= set(re.findall(r"(?m)^  (--[a-z-]+)", text))
    assert "examples:\n  wheelfix install dist/*.whl\n" in text
    assert '--destdir "$pkgdir" --prefix /usr' in text
    assert "exit status: 0 done" in text


# where to


@pytest.fixture(scope="session")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("venv") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


@pytest.mark.parametrize("by", ["folder", "bin/python"])
def test_into_a_virtual_environment(tmp_path: Path, venv: Path, by: str) -> None:
    python = str(venv if by == "folder" else venv / by)
    wheel = str(full_wheel(tmp_path))
    assert main(["install", "--python", python, "--overwrite-existing", wheel]) == 0
    run = subprocess.run([venv / "bin/hello"], check=True, capture_output=True, text=True)
    assert run.stdout == "hello\n"
    assert (venv / "bin/run").read_text().startswith(f"#!{venv}/bin/python\n")
    assert (venv / "share/doc/pkg").exists()
    packages = Path(asked_target(str(venv)).paths["purelib"])
    bytecode = packages / "pkg/__pycache__" / f"__init__.{RUNNING.cache_tag}.pyc"
    assert bytecode.exists()
    assert packages.is_relative_to(venv)


@pytest.mark.parametrize("version", ["3.6", "3.8", "3.10", "3.12", "3.13"])
def test_for_another_interpreter(
    tmp_path: Path, glibc_interpreter: InterpreterFactory, version: str
) -> None:
    python = glibc_interpreter(version)
    root, wheel = tmp_path / "root", str(full_wheel(tmp_path))
    arguments = ["--python", str(python.executable), "--prefix", "/opt/x", "--destdir", str(root)]
    assert main(["install", *arguments, wheel]) == 0
    packages = root / f"opt/x/lib/python{version}/site-packages"
    assert python.origin("pkg", path=[packages]) == str(packages / "pkg/__init__.py")
    tag = f"cpython-{version.replace('.', '')}"
    bytecode = {path.name for path in packages.glob("*/__pycache__/__init__.*")}
    assert bytecode == {f"__init__.{tag}.pyc", f"__init__.{tag}.opt-1.pyc"}
    first_line = (root / "opt/x/bin/hello").read_text().splitlines()[0]
    assert first_line == f"#!{python.executable}"
    headers = asked_target(str(python.executable), None, "/opt/x").paths["headers"]
    assert (root / headers.lstrip("/") / "example/pkg.h").exists()


def test_for_several_interpreters(tmp_path: Path, glibc_interpreter: InterpreterFactory) -> None:
    pythons = [str(glibc_interpreter(version).executable) for version in ("3.8", "3.12")]
    arguments = [each for python in pythons for each in ("--python", python)]
    wheel = str(full_wheel(tmp_path))
    refused = ["install", *arguments, "--destdir", str(tmp_path / "root"), wheel]
    assert main(refused) == 1
    assert not (tmp_path / "root").exists()
    target = tmp_path / "target"
    assert main(["install", *arguments, "--target", str(target), wheel]) == 0
    assert {path.name for path in (target / "__pycache__").glob("z.*.pyc")} == {
        f"z.cpython-{tag}{level}.pyc" for tag in ("38", "312") for level in ("", ".opt-1")
    }
    assert (target / "bin/hello").read_text().startswith(f"#!{pythons[0]}\n")


@pytest.mark.parametrize("flag", ["--target", "-t"])
def test_target_folder(tmp_path: Path, flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wheel = str(full_wheel(tmp_path))
    assert main(["install", flag, "flat", "--no-compile-bytecode", wheel]) == 0
    assert names(tree(tmp_path / "flat")) == {
        "pkg/__init__.py",
        "pkg/data.txt",
        "pkg/more.py",
        "z.py",
        "bin/hello",
        "bin/run",
        "bin/shell",
        "bin/window",
        "include/python/example/pkg.h",
        "share/doc/pkg",
        *(f"{INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "INSTALLER")),
        *(f"{INFO}/{name}" for name in ("entry_points.txt", "licenses/LICENSE")),
    }
    # unlike pip's, the rows of RECORD lead to the files
    for row in (tmp_path / "flat" / INFO / "RECORD").read_text().splitlines():
        assert (tmp_path / "flat" / row.split(",")[0]).is_file()


@pytest.mark.skipif(find_spec("pip") is None, reason="pip is not installed here")
def test_target_folder_is_laid_out_as_by_pip(tmp_path: Path) -> None:
    wheel = str(full_wheel(tmp_path))
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps"]
    command += ["--no-index", "--no-compile", "--quiet", "--root-user-action=ignore"]
    subprocess.run([*command, "--target", str(tmp_path / "pip"), wheel], check=True)
    arguments = ["--no-compile-bytecode", "--target", str(tmp_path / "ours"), wheel]
    assert main(["install", *arguments]) == 0
    if RUNNING.prefix != RUNNING.base_prefix:
        # pip run by a virtual environment puts headers where they would be in one; elsewhere as here
        site = tmp_path / "pip" / "include" / "site"
        (site / f"python{sysconfig.get_python_version()}").rename(site.parent / "python")
        site.rmdir()
    theirs, ours = tree(tmp_path / "pip"), tree(tmp_path / "ours")
    for name in ("REQUESTED", "direct_url.json"):
        theirs.pop(f"{INFO}/{name}", None)
    assert ours.keys() == theirs.keys()
    own = {f"{INFO}/RECORD", f"{INFO}/INSTALLER", "bin/hello", "bin/window"}
    for path in ours.keys() - own:
        # pip keeps what follows `#!python`
        if path != "bin/run":
            assert ours[path] == theirs[path], path
    assert {ours[path][1] for path in ours if path.startswith("bin/")} == {0o755}


@pytest.mark.parametrize("scheme", ["posix_home", "posix_prefix"])
def test_scheme(tmp_path: Path, scheme: str) -> None:
    wheel = str(pure_wheel(tmp_path))
    arguments = ["--scheme", scheme, "--prefix", str(tmp_path / "root")]
    assert main(["install", *arguments, "--no-compile-bytecode", wheel]) == 0
    base = {"base": str(tmp_path / "root"), "platbase": str(tmp_path / "root")}
    assert Path(sysconfig.get_path("purelib", scheme, vars=base), "pure.py").exists()


def test_an_unknown_scheme(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--scheme", "deb_home", "--destdir", str(tmp_path / "root")]
    assert main(["install", *arguments, str(pure_wheel(tmp_path))]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"wheelfix: error: WF507 {sys.executable}: it knows no scheme 'deb_home'")
    assert "posix_prefix" in err
    assert not (tmp_path / "root").exists()


def test_one_flag_per_scheme(tmp_path: Path) -> None:
    flags = [each for scheme in SCHEMES for each in (f"--{scheme}", str(tmp_path / scheme))]
    wheel = str(full_wheel(tmp_path))
    assert main(["install", *flags, "--no-compile-bytecode", wheel]) == 0
    assert {
        scheme: {path for path in names(tree(tmp_path / scheme)) if ".dist-info/" not in path}
        for scheme in SCHEMES
    } == {
        "purelib": {"pkg/__init__.py", "pkg/data.txt", "z.py"},
        "platlib": {"pkg/more.py"},
        "headers": {"pkg.h"},
        "scripts": {"hello", "run", "shell", "window"},
        "data": {"share/doc/pkg"},
    }
    record = (tmp_path / "purelib" / INFO / "RECORD").read_text()
    for path in ("../platlib/pkg/more.py", "../headers/pkg.h", "../scripts/hello"):
        assert f"{path},sha256=" in record


@pytest.mark.parametrize("scheme", SCHEMES)
def test_one_scheme_alone(tmp_path: Path, scheme: str) -> None:
    root, place = tmp_path / "root", f"/place/of/{scheme}"
    arguments = ["--prefix=/opt", "--destdir", str(root), f"--{scheme}={place}"]
    assert main(["install", *arguments, str(full_wheel(tmp_path))]) == 0
    expected = {
        "purelib": "z.py",
        "platlib": "pkg/more.py",
        "headers": "pkg.h",
        "scripts": "run",
        "data": "share/doc/pkg",
    }
    for each, path in expected.items():
        assert (root / place.lstrip("/") / path).exists() is (each == scheme)


@pytest.mark.interpreters
def test_debians_prefix_is_not_doubled(tmp_path: Path) -> None:
    python = "/usr/bin/python3"
    asked = "import sysconfig; print('posix_local' in sysconfig.get_scheme_names())"
    if not os.path.exists(python):
        pytest.skip("there is no /usr/bin/python3")
    run = subprocess.run([python, "-c", asked], check=True, capture_output=True, text=True)
    if run.stdout != "True\n":
        pytest.skip("/usr/bin/python3 knows no scheme posix_local, so it isn't Debian's")
    root = tmp_path / "root"
    arguments = ["--python", python, "--prefix", "/opt/x", "--destdir", str(root)]
    assert main(["install", *arguments, str(full_wheel(tmp_path))]) == 0
    found = tree(root / "opt/x")
    assert {"bin/hello", "share/doc/pkg"} <= names(found)
    assert not any(path.startswith("local") for path in found)
    assert not any("dist-packages" in path for path in found)
    # as it is there without --prefix: in Debian's own local folders
    assert (
        main(["install", "--python", python, "--destdir", str(root), str(full_wheel(tmp_path))])
        == 0
    )
    assert (root / "usr/local/bin/hello").exists()


# PEP 668


def answering(folder: Path, **changes: Any) -> str:
    """Make an interpreter that describes another one."""
    target = make_target()
    facts = {
        "implementation": target.implementation,
        "version": target.version,
        "abi_flags": "",
        "cache_tag": None,
        "magic": target.magic,
        "extension_suffixes": list(target.extension_suffixes),
        "platform": "linux",
        "bits": 64,
        "machine": "x86_64",
        "glibc_version": "2.36",
        "executable": str(folder / "python"),
        "process_executable": None,
        "prefix": "/usr",
        "base_prefix": "/usr",
        "cross_build_variables": [],
        "error": None,
        "soabi": target.soabi,
        "extension_suffix": target.extension_suffixes[0],
        "free_threaded": False,
        "debug": False,
        "pymalloc": True,
        "schemes": ["posix_prefix"],
        "scheme": "posix_prefix",
        "paths": {**target.paths, **changes},
    }
    executable = folder / "python"
    text = f"\n== wheelfix facts 1 ==\n{json.dumps(facts)}\n"
    executable.write_text(f"#!/bin/sh\ncat <<'END'{text}END\n")
    executable.chmod(0o755)
    return str(executable)


@pytest.fixture
def managed(tmp_path: Path) -> list[str]:
    """An interpreter whose environment belongs to another package manager; its folders lie in tmp_path/own."""
    stdlib = tmp_path / "stdlib"
    stdlib.mkdir()
    (stdlib / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=Use apt.\n")
    own = {scheme: str(tmp_path / "own" / scheme) for scheme in SCHEMES}
    return ["install", "--python", answering(tmp_path, stdlib=str(stdlib), **own)]


def test_an_externally_managed_environment_is_left_alone(
    tmp_path: Path, managed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*managed, str(pure_wheel(tmp_path))]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"wheelfix: error: WF504 {tmp_path}/python: Use apt.\n")
    assert "--allow WF504" in err
    assert not (tmp_path / "own").exists()
    # some folders of one's own are not enough
    assert main([*managed, "--purelib", str(tmp_path / "x"), str(pure_wheel(tmp_path))]) == 1


@pytest.mark.parametrize(
    "flags",
    [
        ["--destdir", "{tmp}/root"],
        ["--prefix", "{tmp}/root"],
        ["--target", "{tmp}/root"],
        [f"--{scheme}={{tmp}}/root" for scheme in SCHEMES],
        ["--allow", "WF504"],
    ],
    ids=["destdir", "prefix", "target", "all folders", "allow"],
)
def test_what_an_externally_managed_environment_does_not_mind(
    tmp_path: Path, managed: list[str], flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [flag.format(tmp=tmp_path) for flag in flags]
    assert main([*managed, *arguments, str(pure_wheel(tmp_path))]) == 0
    told = f"wheelfix: allowed: WF504 {tmp_path}/python: Use apt.\n" if "--allow" in flags else ""
    assert capsys.readouterr() == ("", told)


def test_a_report_of_what_would_be_done_may_be_had_for_it(
    tmp_path: Path, managed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """As with pip: --dry-run alone is refused, --dry-run with --report is not."""
    wheel = str(pure_wheel(tmp_path))
    assert main([*managed, "--dry-run", wheel]) == 1
    capsys.readouterr()
    assert main([*managed, "--dry-run", "--report", "-", wheel]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "planned"


def test_what_is_said_of_the_environment_is_said_once(
    tmp_path: Path, managed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    wheels = [str(pure_wheel(tmp_path, name)) for name in ("a", "b")]
    assert main([*managed, "--allow", "WF504", *wheels]) == 0
    assert capsys.readouterr().err.count("WF504") == 1


# what comes with it


@pytest.mark.parametrize(
    "shebang", ["/usr/bin/env python3", "/opt/a b/python", "/usr/bin/python3 -I"]
)
def test_interpreter_is_the_shebang_as_it_is(tmp_path: Path, shebang: str) -> None:
    target = tmp_path / "target"
    arguments = ["--interpreter", shebang, "--target", str(target), str(full_wheel(tmp_path))]
    assert main(["install", *arguments]) == 0
    for name in ("hello", "window", "run"):
        content = (target / "bin" / name).read_text()
        assert content.startswith(f"#!{shebang}\n")
        assert content.count("#!") == 1
    assert (target / "bin/shell").read_text() == "#!/bin/sh\n"


@pytest.mark.parametrize("kind", ["win-ia32", "win-amd64", "win-arm", "win-arm64"])
def test_script_kind(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "target"
    arguments = ["--script-kind", kind, "--interpreter", "C:\\py\\python.exe"]
    assert main(["install", *arguments, "--target", str(target), str(full_wheel(tmp_path))]) == 0
    assert names(tree(target / "bin")) == {"hello.exe", "window.exe", "run", "shell"}
    content = (target / "bin/hello.exe").read_bytes()
    assert content.startswith(b"MZ")
    assert b"#!C:\\py\\python.exe\nPK" in content
    assert "bin/hello.exe,sha256=" in (target / INFO / "RECORD").read_text()


def test_script_kind_posix_is_this_systems(tmp_path: Path) -> None:
    wheel = str(full_wheel(tmp_path))
    for name, flags in (("1", []), ("2", ["--script-kind", "posix"])):
        assert main(["install", *flags, "--target", str(tmp_path / name), wheel]) == 0
    assert tree(tmp_path / "1" / "bin") == tree(tmp_path / "2" / "bin")


def test_no_installer_file(tmp_path: Path) -> None:
    wheel = str(pure_wheel(tmp_path))
    assert main(["install", "--no-installer-file", "-t", str(tmp_path / "t"), wheel]) == 0
    info = tmp_path / "t" / "pure-1.0.dist-info"
    assert {path.name for path in info.iterdir()} == {"METADATA", "RECORD", "WHEEL"}
    assert "INSTALLER" not in (info / "RECORD").read_text()


# checks and repairs


@pytest.mark.parametrize(
    ("flags", "suffixes", "told"),
    [
        ([], {".abi3.so"}, ("1 renamed", "")),
        (["--repair", "auto"], {".abi3.so"}, ("1 renamed", "")),
        (["--repair", "rename"], {".abi3.so"}, ("1 renamed", "")),
        (["--repair", "duplicate"], {".abi3.so", "old"}, ("1 added under a second name", "")),
        (["--repair", "off"], {"old"}, ("", "wheelfix: warning: WF104 ")),
    ],
)
def test_repair(
    tmp_path: Path,
    flags: list[str],
    suffixes: set[str],
    told: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    wheel, target = stable_abi_wheel(tmp_path), tmp_path / "t"
    assert main(["install", *flags, "--target", str(target), str(wheel)]) == 0
    old = f".abi3-{RUNNING.platform_triplet}.so"
    found = {path.name[4:] for path in target.glob("fast*")}
    assert found == {old if suffix == "old" else suffix for suffix in suffixes}
    for text, expected in zip(capsys.readouterr(), told):
        assert expected in text
        assert bool(text) is bool(expected)
    assert (target / "stable-1.0.dist-info/wheelfix.json").exists() is ("off" not in flags)


def test_allow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = str(foreign_wheel(tmp_path))
    target = tmp_path / "t"
    assert main(["install", "--target", str(target), wheel]) == 1
    assert "To go on all the same: --allow WF503." in capsys.readouterr().err
    assert not target.exists()
    # another code lets nothing through
    assert main(["install", "--target", str(target), "--allow", "WF202", wheel]) == 1
    assert not target.exists()
    capsys.readouterr()
    flags = ["--allow", "wf503", "--allow", "WF202"]
    assert main(["install", "--target", str(target), *flags, wheel]) == 0
    assert (target / "foreign.py").exists()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"wheelfix: allowed: WF503 {Path(wheel).name}: ")
    assert len(err.splitlines()) == 1
    recorded = json.loads((target / "foreign-1.0.dist-info/wheelfix.json").read_text())
    assert recorded["allowed"] == [{"code": "WF503", "subject": Path(wheel).name}]


def test_dry_run_writes_nothing_and_tells_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheels = [str(stable_abi_wheel(tmp_path)), str(pure_wheel(tmp_path))]
    before = tree(tmp_path)
    arguments = ["--dry-run", "--target", str(tmp_path / "t"), *wheels]
    assert main(["install", *arguments]) == 0
    assert tree(tmp_path) == before
    out, err = capsys.readouterr()
    old = f"fast.abi3-{RUNNING.platform_triplet}.so"
    assert out.splitlines() == [
        "stable 1.0: would be installed, 1 renamed",
        f"  {old} -> fast.abi3.so",
        "pure 1.0: would be installed, every name stays",
    ]
    assert err.startswith(f"wheelfix: note: WF101 {old}: ")


def test_one_bad_wheel_among_three(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheels = [pure_wheel(tmp_path, "a"), foreign_wheel(tmp_path), pure_wheel(tmp_path, "b")]
    before = tree(tmp_path)
    assert main(["install", "--target", str(tmp_path / "t"), *map(str, wheels)]) == 1
    assert tree(tmp_path) == before
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("wheelfix: error: WF503 foreign-1.0-")


# the report


def test_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.json"
    report.write_text("an old one, longer than nothing" * 1000)
    wheels = [str(stable_abi_wheel(tmp_path)), str(pure_wheel(tmp_path))]
    arguments = ["--target", str(tmp_path / "t"), "--report"]
    assert main(["install", *arguments, str(report), *wheels]) == 0
    assert capsys.readouterr().out.startswith("stable 1.0: installed, 1 renamed\n")
    content = json.loads(report.read_text())
    assert (content["schema"], content["outcome"]) == (1, "installed")
    assert [wheel["distribution"] for wheel in content["wheels"]] == ["stable", "pure"]
    assert content["targets"] == [
        {
            "executable": sys.executable,
            "implementation": RUNNING.implementation,
            "version": RUNNING.version,
            "soabi": RUNNING.soabi,
            "extension_suffixes": list(RUNNING.extension_suffixes),
        }
    ]
    # on standard output it stands alone
    assert main(["install", "--overwrite-existing", "--dry-run", *arguments, "-", *wheels]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == {**content, "outcome": "planned"}


@pytest.mark.parametrize("python", [[], ["--python", "/nowhere/python"]])
def test_report_of_a_refusal(
    tmp_path: Path, python: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--target", str(tmp_path / "t"), "--report", "-", str(foreign_wheel(tmp_path))]
    assert main(["install", *python, *arguments]) == 1
    content = json.loads(capsys.readouterr().out)
    assert content["outcome"] == "refused"
    assert content["wheels"] == []
    assert [each["code"] for each in content["refusals"]] == ["WF501" if python else "WF503"]
    assert len(content["targets"]) == (0 if python else 1)


def test_a_report_that_cannot_be_written_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "no" / "folder" / "report.json"
    arguments = ["--target", str(tmp_path / "t"), "--report", str(report)]
    assert main(["install", *arguments, str(pure_wheel(tmp_path))]) == 1
    assert capsys.readouterr().err.startswith(f"wheelfix: error: WF506 {report}: No such file")
    assert not (tmp_path / "t").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("bad", [False, True])
def test_a_report_that_is_lost_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, bad: bool
) -> None:
    wheel = foreign_wheel(tmp_path) if bad else pure_wheel(tmp_path)
    arguments = ["--target", str(tmp_path / "t"), "--report", "/dev/full", str(wheel)]
    assert main(["install", *arguments]) == 1
    first, *more = capsys.readouterr().err.splitlines()
    assert first == (
        "wheelfix: error: /dev/full: the report is lost: No space left on device; "
        "nothing else is affected"
    )
    assert bool(more) is bad
    assert (tmp_path / "t" / "pure.py").exists() is not bad


def test_a_report_whose_reader_has_gone(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    wheel = pure_wheel(tmp_path)
    # asked for after the report was opened and before it is written, this tells when the reader may go
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nrm "{fifo}"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    arguments = ["--python", str(python), "--target", str(tmp_path / "t"), "--report", str(fifo)]
    run = subprocess.Popen(
        [sys.executable, "-m", "wheelfix", "install", *arguments, str(wheel)],
        stderr=subprocess.PIPE,
        text=True,
    )
    while fifo.exists():
        pass
    os.close(reader)
    _, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    assert (tmp_path / "t" / "pure.py").exists()


def test_a_report_to_standard_output_that_nobody_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    arguments = ["--target", str(tmp_path / "t"), "--report", "-", str(pure_wheel(tmp_path))]
    with os.fdopen(writer, "w", encoding="utf-8") as stream, monkeypatch.context() as context:
        context.setattr(sys, "stdout", stream)
        assert main(["install", *arguments]) == 0
    assert capfd.readouterr().err == ""
    assert (tmp_path / "t" / "pure.py").exists()


# what is said


def test_piped_nothing_is_said_of_a_wheel_that_stays_as_it_is(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--target", str(tmp_path / "t"), str(full_wheel(tmp_path))]) == 0
    assert capfd.readouterr() == ("", "")


def test_without_standard_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        context.setattr(sys, "stdout", None)
        arguments = ["--target", str(tmp_path / "t"), "--report", "-"]
        assert main(["install", *arguments, str(pure_wheel(tmp_path))]) == 0
        assert main(["install", *arguments[:2], str(pure_wheel(tmp_path, "b"))]) == 0
    assert (tmp_path / "t" / "b.py").exists()


def test_on_a_terminal_each_wheel_gets_a_line(tmp_path: Path) -> None:
    wheels = [str(full_wheel(tmp_path)), str(pure_wheel(tmp_path))]
    outer, inner = pty.openpty()
    before = sys.stdout
    with os.fdopen(inner, "w", encoding="utf-8") as stream:
        sys.stdout = stream
        try:
            assert main(["install", "--target", str(tmp_path / "t"), *wheels]) == 0
        finally:
            sys.stdout = before
        shown = ""
        # a terminal may give out what was written line by line
        while shown.count("\n") < len(wheels) and select.select([outer], [], [], 5)[0]:
            shown += os.read(outer, 65536).decode().replace("\r\n", "\n")
    os.close(outer)
    assert shown == (
        "example 1.0: installed, every name stays\npure 1.0: installed, every name stays\n"
    )


def test_a_name_that_the_output_cannot_spell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = stable_abi_wheel(tmp_path, "pké/")
    raw = io.BytesIO()
    with monkeypatch.context() as context:
        context.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
        assert main(["install", "--target", str(tmp_path / "t"), str(wheel)]) == 0
        lines = raw.getvalue().decode("ascii").splitlines()
    assert lines[0] == "stable 1.0: installed, 1 renamed"
    assert lines[1].startswith(r"  pk\xe9/fast.abi3-")
    assert (tmp_path / "t" / "pké" / "fast.abi3.so").exists()


def test_warnings_go_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        f"{INFO}/INSTALLER": "pip\n",
        "a.py": "",
        **{f"__pycache__/{n}.pyc": "" for n in range(7)},
    }
    wheel = make_wheel(tmp_path, files)
    assert main(["install", "--target", str(tmp_path / "t"), str(wheel)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ["example 1.0: installed, 8 left out"]
    lines = err.splitlines()
    assert sum(line.startswith("wheelfix: warning: WF411 ") for line in lines) == 5
    assert "  and 2 more with WF411" in lines
    assert sum(line.startswith("wheelfix: warning: WF412 ") for line in lines) == 1


def test_record_has_the_hash_of_what_is_there(tmp_path: Path) -> None:
    wheel = str(full_wheel(tmp_path, hash_algorithm="sha512"))
    assert main(["install", "--target", str(tmp_path / "t"), wheel]) == 0
    rows = (tmp_path / "t" / INFO / "RECORD").read_text().splitlines()
    assert len(rows) == 22
    for row in rows:
        path, hash_, size = row.rsplit(",", 2)
        content = (tmp_path / "t" / path).read_bytes()
        if not path.endswith("/RECORD"):
            assert (hash_, size) == (record_hash(content), str(len(content)))
