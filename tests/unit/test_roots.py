from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.elf_architectures import ARCHITECTURES
from support.elf_maker import shared_object
from support.root_maker import RootMaker
from wheelfix.cli.target import add_parser, run
from wheelfix.errors import EnvironmentRefusedError, WheelfixError
from wheelfix.targets.roots import examine_root, read_root

if TYPE_CHECKING:
    from pathlib import Path

    from wheelfix.codes import Finding

MUSL = "x86_64-linux-musl"


@pytest.fixture
def maker(tmp_path: Path) -> RootMaker:
    """Give what makes a root; nothing is made yet."""
    return RootMaker(tmp_path / "root")


def ids(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code.id for finding in findings]


def refused(maker: RootMaker, python: str | None = None, **options: str) -> Finding:
    with pytest.raises(EnvironmentRefusedError) as caught:
        examine_root(str(maker.folder), python, **options)
    return caught.value.findings[0]


def test_everything_is_read(maker: RootMaker) -> None:
    read = examine_root(str(maker.make().folder))
    target = read.target
    assert read.findings == ()
    assert read.executable == "/usr/bin/python3"
    assert target.executable is None
    assert target.implementation == "cpython"
    assert target.version == "3.9.18"
    assert target.soabi == f"cpython-39-{MUSL}"
    assert target.extension_suffixes == (f".cpython-39-{MUSL}.so", ".abi3.so", ".so")
    assert (target.libc, target.libc_version) == ("musl", "1.2.5")
    assert target.platform_triplet == MUSL
    assert target.tags[:2] == ("cp39-cp39-linux_x86_64", "cp39-cp39-musllinux_1_2_x86_64")
    assert (target.machine, target.libpython, target.magic) == ("x86_64", "static", "610d0d0a")
    assert (target.cache_tag, target.abi_flags) == ("cpython-39", "")
    assert (target.free_threaded, target.debug) == (False, False)
    assert target.prefix == target.base_prefix == "/usr"
    assert target.paths["purelib"] == "/usr/lib/python3.9/site-packages"
    assert target.loads_extension_modules
    assert set(target.evidence) == set(target.to_json()) - {"schema", "evidence"}


def test_a_shared_libpython_holds_the_facts(maker: RootMaker) -> None:
    maker.make()
    executable = shared_object(
        needed=["libpython3.9.so.1.0", "libc.musl-x86_64.so.1"],
        interpreter="/lib/ld-musl-x86_64.so.1",
    )
    maker.write(maker.executable, executable)
    maker.write("/usr/lib/x86_64-linux-musl/libpython3.9.so.1.0", maker.code())
    target = read_root(str(maker.folder))
    assert target.libpython == "shared"
    assert target.evidence["soabi"] == "text in /usr/lib/x86_64-linux-musl/libpython3.9.so.1.0"


def test_libpython_by_path_or_nowhere(maker: RootMaker) -> None:
    maker.make()
    for name, source in (
        ("/own/libpython3.9.so", "text in /own/libpython3.9.so"),
        ("libpython3.9.so", "file names"),
    ):
        maker.write(
            maker.executable,
            shared_object(needed=[name], interpreter="/lib/ld-musl-x86_64.so.1"),
        )
        maker.write("/own/libpython3.9.so", maker.code())
        target = read_root(str(maker.folder))
        assert target.evidence["soabi"].startswith(source)
        assert target.extension_suffixes == (f".cpython-39-{MUSL}.so", ".abi3.so", ".so")


def test_a_fallback_suffix_is_known_by_the_binary_alone(maker: RootMaker) -> None:
    fallback = ".cpython-39-x86_64-linux-gnu.so"
    maker.suffixes = (fallback, ".abi3.so")
    target = read_root(str(maker.make().folder))
    assert target.extension_suffixes == (f".cpython-39-{MUSL}.so", fallback, ".abi3.so", ".so")
    assert target.platform_triplet == MUSL


def test_a_fallback_suffix_without_the_binary(maker: RootMaker) -> None:
    maker.make()
    maker.write(maker.executable, shared_object(needed=["libpython3.9.so.1.0"]))
    header = '#define GNU_FALLBACK_SOABI "cpython-39-x86_64-linux-gnu"\n'
    maker.write("/usr/include/python3.9/pyconfig.h", header)
    target = read_root(str(maker.folder))
    assert target.extension_suffixes[1] == ".cpython-39-x86_64-linux-gnu.so"


@pytest.mark.parametrize(
    ("flags", "suffixes", "version"),
    [
        ("t", (".abi3.so",), "3.13.1"),
        ("d", (f".cpython-313-{MUSL}.so", ".abi3.so"), "3.13.1"),
        ("m", (".abi3.so",), "3.7.2"),
    ],
)
def test_abi_flags(maker: RootMaker, flags: str, suffixes: tuple[str, ...], version: str) -> None:
    maker.flags, maker.suffixes, maker.version = flags, suffixes, version
    header = "#define Py_GIL_DISABLED 1\n" if flags == "t" else ""
    maker.make().write(f"/usr/include/python{maker.minor}{flags}/pyconfig.h", header)
    read = examine_root(str(maker.folder))
    assert read.findings == ()
    assert read.target.abi_flags == flags
    assert (read.target.free_threaded, read.target.debug) == ("t" in flags, "d" in flags)
    assert (
        read.target.extension_suffixes[0]
        == f".cpython-{maker.minor.replace('.', '')}{flags}-{MUSL}.so"
    )


def test_build_details_of_a_cross_build_are_told_of_and_do_not_count(maker: RootMaker) -> None:
    maker.version = "3.14.0"
    maker.make()
    path = maker.write_build_details(
        "build-details..x86_64-linux-gnu.json",
        suffixes={"extensions": [".cpython-314-aarch64-linux-gnu.so", ".abi3.so", ".so"]},
    )
    read = examine_root(str(maker.folder))
    assert ids(read.findings) == ["WF522"]
    assert path in read.findings[0].sentence
    assert read.target.extension_suffixes[0] == f".cpython-314-{MUSL}.so"
    assert read.target.magic == "610d0d0a"


def test_an_edited_sysconfigdata_is_told_of(maker: RootMaker) -> None:
    maker.variables = {"SOABI": "cpython-39-aarch64-linux-gnu", "Py_DEBUG": 1}
    read = examine_root(str(maker.make().folder))
    assert ids(read.findings) == ["WF522", "WF522"]
    assert (read.target.soabi, read.target.debug) == (f"cpython-39-{MUSL}", False)
    assert "debug: Py_DEBUG in " in read.findings[1].sentence
    assert " says yes, " in read.findings[1].sentence


def test_of_several_sysconfigdata_the_interpreters_own_counts(maker: RootMaker) -> None:
    maker.make()
    other = {**maker.sysconfigdata(), "SOABI": "cpython-39-s390x-linux-gnu"}
    maker.write(f"{maker.stdlib}/_sysconfigdata__conda.py", f"build_time_vars = {other!r}\n")
    assert examine_root(str(maker.folder)).findings == ()


@pytest.mark.parametrize(
    "source", ["import os\nbuild_time_vars = dict()\n", "build_time_vars = {'a': os.sep}\n"]
)
def test_code_in_sysconfigdata_is_a_note(maker: RootMaker, source: str) -> None:
    path = maker.make().write_sysconfigdata(source)
    read = examine_root(str(maker.folder))
    assert ids(read.findings) == ["WF523"]
    assert read.findings[0].subject == path
    assert read.target.soabi == f"cpython-39-{MUSL}"


def test_the_json_twin_stands_in(maker: RootMaker) -> None:
    maker.make().write_sysconfigdata("no literal")
    variables = {**maker.sysconfigdata(), "Py_DEBUG": 1}
    maker.write(f"{maker.stdlib}/_sysconfig_vars__linux_{MUSL}.json", json.dumps(variables))
    read = examine_root(str(maker.folder))
    assert ids(read.findings) == ["WF523", "WF522"]


@pytest.mark.parametrize(
    "name", ["__pycache__/_sysconfigdata__linux_x.cpython-39.pyc", "_sysconfigdata_x.pyc"]
)
def test_bytecode_alone_is_a_note(maker: RootMaker, name: str) -> None:
    maker.make().path(maker.write_sysconfigdata()).unlink()
    maker.write(f"{maker.stdlib}/{name}", b"")
    read = examine_root(str(maker.folder))
    assert ids(read.findings) == ["WF523"]
    assert "never run" in read.findings[0].sentence


def test_without_any_sysconfigdata(maker: RootMaker) -> None:
    maker.make().path(maker.write_sysconfigdata()).unlink()
    maker.write(f"{maker.stdlib}/encodings/x.py", "")
    assert examine_root(str(maker.folder)).findings == ()


def test_an_image_of_bytecode_only(maker: RootMaker) -> None:
    maker.make()
    for name in ("os.py", "importlib/_bootstrap_external.py"):
        maker.path(f"{maker.stdlib}/{name}").unlink()
    maker.write(f"{maker.stdlib}/os.pyc", b"\x61\x0d\x0d\x0a rest")
    target = read_root(str(maker.folder))
    assert target.magic == "610d0d0a"
    assert target.evidence["magic"] == "/usr/lib/python3.9/os.pyc"


@pytest.mark.parametrize(("version", "magic"), [("3.14.1", "2b0e0d0a"), ("3.19.0", None)])
def test_magic_by_version(maker: RootMaker, version: str, magic: str | None) -> None:
    maker.version = version
    maker.make().path(f"{maker.stdlib}/importlib/_bootstrap_external.py").unlink()
    assert read_root(str(maker.folder)).magic == magic


def test_debian_keeps_packages_in_dist_packages(maker: RootMaker) -> None:
    maker.version = "3.11.2"
    maker.make().path("/usr/lib/python3/dist-packages/x").touch()
    maker.path("/usr/lib/python3/dist-packages").mkdir(exist_ok=True)
    target = read_root(str(maker.folder))
    assert target.paths["purelib"] == "/usr/local/lib/python3.11/dist-packages"
    assert (
        read_root(str(maker.folder), scheme="deb_system").paths["purelib"]
        == "/usr/lib/python3/dist-packages"
    )
    assert read_root(str(maker.folder), prefix="/opt").paths["scripts"] == "/opt/bin"


def test_schemes_of_the_interpreters_own_source(maker: RootMaker) -> None:
    names = ("stdlib", "purelib", "platlib", "scripts", "data", "include")
    schemes = {"posix_prefix": {name: f"{{base}}/own/{name}" for name in names}}
    maker.make().write(f"{maker.stdlib}/sysconfig.py", f"_INSTALL_SCHEMES = {schemes!r}\n")
    target = read_root(str(maker.folder))
    assert target.paths["purelib"] == "/usr/own/purelib"
    assert target.evidence["paths"] == "scheme posix_prefix of /usr/lib/python3.9/sysconfig.py"
    finding = refused(maker, scheme="venv")
    assert (finding.code.id, finding.sentence) == (
        "WF507",
        "it knows no scheme 'venv', but these: posix_prefix",
    )


def test_a_scheme_that_only_a_run_would_tell(maker: RootMaker) -> None:
    names = ("stdlib", "purelib", "platlib", "scripts", "data", "include")
    schemes = {"posix_prefix": dict.fromkeys(names, "{unknown}")}
    maker.make().write(f"{maker.stdlib}/sysconfig.py", f"_INSTALL_SCHEMES = {schemes!r}\n")
    assert refused(maker).code.id == "WF520"


@pytest.mark.parametrize("link", ["/usr/bin/python3", "../../../usr/bin/python3"])
@pytest.mark.parametrize("named", ["/srv/venv", "srv/venv/bin/python", "/srv/venv/bin/python"])
def test_a_virtual_environment(maker: RootMaker, link: str, named: str) -> None:
    maker.make().link("/srv/venv/bin/python", link)
    maker.write("/srv/venv/pyvenv.cfg", "home = /usr/bin\n")
    read = examine_root(str(maker.folder), named)
    assert read.executable == "/srv/venv/bin/python"
    assert (read.target.prefix, read.target.base_prefix) == ("/srv/venv", "/usr")
    assert read.target.paths["scripts"] == "/srv/venv/bin"
    assert read.target.paths["stdlib"] == "/usr/lib/python3.9"


def test_a_merged_usr(maker: RootMaker) -> None:
    maker.make(interpreter="/usr/lib/ld-musl-x86_64.so.1").link("/bin", "usr/bin")
    maker.link("/lib", "/usr/lib")
    for python in (None, "/bin/python3"):
        target = read_root(str(maker.folder), python)
        assert target.prefix == "/usr"
        assert target.libc_version == "1.2.5"


def test_an_interpreter_right_below_the_root(maker: RootMaker) -> None:
    maker.prefix = ""
    target = read_root(str(maker.make().folder))
    assert target.prefix == "/"
    assert target.paths["purelib"] == "/lib/python3.9/site-packages"


@pytest.mark.parametrize(
    ("place", "python"),
    [
        ("/usr/local", None),
        ("/opt/python", None),
        ("/opt/a/b", None),
        ("/else", "/else/bin/python3.9"),
    ],
)
def test_where_interpreters_are_looked_for(
    maker: RootMaker, place: str, python: str | None
) -> None:
    maker.prefix = place
    maker.make().write("/usr/bin/python3", "#!/bin/sh\n")
    assert read_root(str(maker.folder), python).prefix == place


def test_several_interpreters_are_a_choice(maker: RootMaker) -> None:
    maker.make().write("/usr/bin/python3.9t", maker.path(maker.executable).read_bytes())
    other = RootMaker(maker.folder, version="3.11.2", prefix="/usr/local").make()
    finding = refused(maker)
    assert finding.code.id == "WF521"
    assert finding.sentence == (
        "choose one of them: --python /usr/local/bin/python3; --python /usr/bin/python3"
    )
    assert read_root(str(maker.folder), other.executable).version == "3.11.2"


@pytest.mark.parametrize(
    ("python", "sentence"),
    [
        (
            "/usr/bin/missing",
            "there is no such file in the root; interpreters in it: /usr/bin/python3",
        ),
        ("/usr/lib", "the folder holds no bin/python, so it is no virtual environment"),
        ("/usr/bin/script", "it is no readable ELF file: "),
        ("/usr/bin/lost", "its standard library is not in the root"),
        ("/circle", "there is no such file in the root; "),
    ],
)
def test_what_is_no_interpreter(maker: RootMaker, python: str, sentence: str) -> None:
    maker.make().write("/usr/bin/script", "#!/bin/sh\n")
    maker.link("/circle", "circle")
    maker.write("/usr/bin/lost", shared_object(interpreter="/lib/ld-musl-x86_64.so.1"))
    maker.path(f"{maker.stdlib}/os.py").rename(maker.path("/moved")) if python.endswith(
        "lost"
    ) else None
    finding = refused(maker, python)
    assert finding.code.id == "WF520"
    assert finding.sentence.startswith(sentence)


def test_an_empty_root_and_none(maker: RootMaker) -> None:
    assert refused(maker).sentence == "there is no such folder"
    maker.folder.mkdir()
    assert refused(maker).sentence.startswith("it holds no Python ")
    assert refused(maker, "/x").sentence.endswith("none in the usual places")


def test_a_home_in_a_circle(maker: RootMaker) -> None:
    maker.make().link("/loop", "loop")
    maker.link("/srv/bin/python", "/usr/bin/python3")
    maker.write("/srv/pyvenv.cfg", "home = /loop\n")
    assert refused(maker, "/srv").code.id == "WF520"


def test_a_static_executable_loads_nothing(maker: RootMaker) -> None:
    maker.make(interpreter=None)
    target = read_root(str(maker.folder))
    assert not target.loads_extension_modules
    assert (target.libc, target.libc_version) == (None, None)
    assert target.tags[0] == "cp39-cp39-linux_x86_64"
    assert not any("manylinux" in tag or "musllinux" in tag for tag in target.tags)


def test_a_static_executable_without_suffixes(maker: RootMaker) -> None:
    maker.make(interpreter=None).write(maker.executable, shared_object())
    for path in (maker.write_sysconfigdata(), f"{maker.stdlib}/lib-dynload/_bz2.{maker.soabi}.so"):
        maker.path(path).unlink()
    target = read_root(str(maker.folder))
    assert (target.extension_suffixes, target.soabi) == ((), None)
    assert (target.version, target.abi_flags, target.debug) == ("3.9", "", False)
    assert target.platform_triplet is None


def test_nothing_tells_the_suffixes(maker: RootMaker) -> None:
    maker.make().write(maker.executable, shared_object(needed=["libc.so.6"]))
    for path in (maker.write_sysconfigdata(), f"{maker.stdlib}/lib-dynload/_bz2.{maker.soabi}.so"):
        maker.path(path).unlink()
    assert refused(maker).sentence == "nothing in its files tells which extension suffixes it has"


def test_a_missing_loader_accepts_every_version(maker: RootMaker) -> None:
    maker.make().path("/lib/ld-musl-x86_64.so.1").unlink()
    read = examine_root(str(maker.folder))
    assert ids(read.findings) == ["WF523"]
    assert read.target.libc == "musl"
    assert read.target.libc_version is None
    assert "cp39-cp39-musllinux_1_9_x86_64" in read.target.tags


def test_glibc_by_its_loader_or_libc(maker: RootMaker) -> None:
    maker.triplet = "x86_64-linux-gnu"
    loader, libc = "/lib64/ld-linux-x86-64.so.2", "/lib64/libc.so.6"
    maker.make(interpreter=loader).write(libc, b"(GLIBC 2.31) stable release version 2.31.\n")
    assert read_root(str(maker.folder)).libc_version == "2.31"
    maker.write(loader, b"(GLIBC 2.36) stable release version 2.36.\n")
    target = read_root(str(maker.folder))
    assert (target.libc, target.libc_version) == ("glibc", "2.36")
    assert target.tags[1] == "cp39-cp39-manylinux_2_36_x86_64"
    maker.write(loader, b"")
    maker.write(libc, b"")
    assert read_root(str(maker.folder)).libc_version is None


@pytest.mark.parametrize(
    ("architecture", "host", "machine"),
    [
        ("aarch64", "", "aarch64"),
        ("arm hard float", "armv6-alpine-linux-musleabihf", "armv6l"),
        ("arm hard float", "armv8l-unknown-linux-gnueabihf", "armv7l"),
        ("i386", "i586-alpine-linux-musl", "i686"),
        ("ppc64le", "powerpc64le-alpine-linux-musl", "ppc64le"),
    ],
)
def test_machine(maker: RootMaker, architecture: str, host: str, machine: str) -> None:
    maker.variables = {"HOST_GNU_TYPE": host}
    maker.make()
    loader = "/lib/ld-musl-x86_64.so.1"
    executable = shared_object(ARCHITECTURES[architecture], interpreter=loader)
    maker.write(maker.executable, executable + maker.code())
    target = read_root(str(maker.folder))
    assert target.machine == machine
    assert f"cp39-cp39-musllinux_1_2_{machine}" in target.tags


@pytest.mark.parametrize(
    ("platform", "codes"), [("linux-s390x", ["WF522"]), ("linux-a b", []), ("x", [])]
)
def test_machine_of_build_details(maker: RootMaker, platform: str, codes: list[str]) -> None:
    maker.version = "3.14.0"
    maker.make().write_build_details(platform=platform)
    read = examine_root(str(maker.folder))
    assert ids(read.findings) == codes
    assert read.target.machine == "x86_64"


def test_another_system_is_refused(maker: RootMaker) -> None:
    maker.triplet = "darwin"
    maker.make()
    assert refused(maker).sentence == "it is built for darwin; only those for Linux can be read"


def test_pkgsrc_has_an_untagged_suffix(maker: RootMaker) -> None:
    maker.variables = {"EXT_SUFFIX": ".so"}
    read = examine_root(str(maker.make().folder))
    assert read.findings == ()
    assert read.target.platform_triplet is None
    assert read.target.soabi == f"cpython-39-{MUSL}"


def test_pypy(maker: RootMaker) -> None:
    suffix = "pypy39-pp73-x86_64-linux-gnu"
    loader = "/lib64/ld-linux-x86-64.so.2"
    maker.write("/usr/bin/pypy3", shared_object(needed=["libpypy3.9-c.so"], interpreter=loader))
    maker.write("/usr/lib/libpypy3.9-c.so", f"x.{suffix}.so\0".encode())
    maker.write("/usr/lib/pypy3.9/os.py", "")
    maker.write(
        "/usr/lib/pypy3.9/_sysconfigdata.py", "import _imp\nbuild_time_vars = {_imp.x: 1}\n"
    )
    maker.write("/usr/include/pypy3.9/patchlevel.h", '#define PY_VERSION "3.9.16"\n')
    maker.write("/usr/lib/pypy3.9/__pycache__/os.pypy39.pyc", b"\x50\x01\x0d\x0a rest")
    read = examine_root(str(maker.folder))
    assert ids(read.findings) == ["WF523", "WF523"]
    target = read.target
    assert (target.implementation, target.version, target.soabi) == (
        "pypy",
        "3.9.16",
        "pypy39-pp73",
    )
    assert target.extension_suffixes == (f".{suffix}.so",)
    assert (target.cache_tag, target.magic) == ("pypy39", "50010d0a")
    assert target.tags[0] == "pp39-pypy39_pp73-linux_x86_64"
    maker.path("/usr/lib/pypy3.9/__pycache__/os.pypy39.pyc").unlink()
    assert read_root(str(maker.folder)).magic is None
    assert target.paths["purelib"] == "/usr/lib/pypy3.9/site-packages"


def test_a_root_whose_links_point_outside_is_never_left(maker: RootMaker, tmp_path: Path) -> None:
    """Every file that is read is replaced by a link to one on this machine, which says something else."""
    host = RootMaker(tmp_path / "host", version="3.10.4").make()
    maker.make()
    for name in ("importlib", "lib-dynload", f"_sysconfigdata__linux_{MUSL}.py"):
        place = maker.path(f"{maker.stdlib}/{name}")
        place.rename(maker.path(f"/kept/{name}"))
        place.symlink_to(host.path(f"{host.stdlib}/{name}"))
    loader = maker.path("/lib/ld-musl-x86_64.so.1")
    loader.unlink()
    loader.symlink_to(host.path("/lib/ld-musl-x86_64.so.1"))
    read = examine_root(str(maker.folder))
    assert read.target.libc_version is None
    assert read.target.evidence["soabi"] == "text in /usr/bin/python3.9"
    assert not any("3.10" in str(fact) for fact in read.target.to_json().values())
    maker.path(maker.executable).unlink()
    maker.path(maker.executable).symlink_to(host.path(host.executable))
    assert refused(maker).code.id == "WF520"


@pytest.mark.parametrize("content", [b"\x7fELF", b"\x7fELF\2\1\1" + bytes(57), b""])
def test_a_damaged_executable(maker: RootMaker, content: bytes) -> None:
    maker.make().write(maker.executable, content)
    assert refused(maker).code.id == "WF520"


def test_unreadable_files_are_notes(maker: RootMaker) -> None:
    maker.version = "3.14.0"
    maker.make()
    maker.write(f"{maker.stdlib}/build-details.json", "{")
    maker.path(f"{maker.stdlib}/sysconfig/__init__.py/folder").mkdir(parents=True)
    maker.write("/usr/include/python3.14/pyconfig.h", "x" * (8 * 1024 * 1024 + 1))
    read = examine_root(str(maker.folder))
    assert {finding.subject.rpartition("/")[2] for finding in read.findings} == {
        "build-details.json",
        "__init__.py",
        "pyconfig.h",
    }


TEXTS = st.text(max_size=40)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(
    variables=st.dictionaries(
        st.sampled_from(
            ["SOABI", "EXT_SUFFIX", "ABIFLAGS", "HOST_GNU_TYPE", "ALT_SOABI", "Py_DEBUG"]
        ),
        TEXTS | st.integers(),
    ),
    details=st.dictionaries(
        st.sampled_from(["abi", "language", "suffixes", "implementation"]), TEXTS
    ),
    pyvenv=TEXTS,
    code=st.binary(max_size=30),
)
def test_any_metadata_gives_a_target_or_a_wheelfix_error(
    tmp_path: Path, variables: dict[str, Any], details: dict[str, Any], pyvenv: str, code: bytes
) -> None:
    maker = RootMaker(tmp_path / "root", version="3.14.1", variables=variables)
    if not maker.folder.exists():
        maker.make()
    executable = shared_object(interpreter="/lib/ld-musl-x86_64.so.1")
    maker.write(maker.executable, executable + code)
    maker.write_sysconfigdata()
    maker.write_build_details(**details)
    maker.write("/usr/pyvenv.cfg", f"home = /{pyvenv}")
    with contextlib.suppress(WheelfixError):
        target = read_root(str(maker.folder))
        assert target.tags
        assert target.paths["purelib"].startswith("/")
        assert target.version_info[0] == 3


def test_the_command_shows_where_each_fact_came_from(
    maker: RootMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    import argparse

    maker.variables = {"Py_DEBUG": 1}
    maker.make()
    parser = argparse.ArgumentParser(prog="wheelfix")
    add_parser(parser.add_subparsers())
    assert run(parser.parse_args(["target", "--root", str(maker.folder)])) == 0
    output = capsys.readouterr()
    assert f"SOABI: cpython-39-{MUSL}  (text in /usr/bin/python3.9)" in output.out.splitlines()
    assert "libc version: 1.2.5  (text in /lib/ld-musl-x86_64.so.1)" in output.out.splitlines()
    assert "WF522 /usr/bin/python3: debug: Py_DEBUG in " in output.err
    assert (
        run(
            parser.parse_args(
                ["target", "--root", str(maker.folder), "--python", "/usr/bin/python3.9"]
            )
        )
        == 0
    )
