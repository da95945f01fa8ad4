"""The rows of the rule table that refuse, each shown by a real wheel or by one made of a real module."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from support.installs import (
    extension_modules,
    install,
    install_plainly,
    new_names,
    origins,
    refusal,
    wheelfix,
)
from support.repacking import file_ending, repack
from support.wheel_maker import make_wheel
from support.wheels import wheels_for

if TYPE_CHECKING:
    from pathlib import Path

    from support.interpreters import InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

MARKUPSAFE_MUSL = "markupsafe-3.0.4-cp39-cp39-musllinux_1_2_x86_64.whl"
MARKUPSAFE_GLIBC = "markupsafe-3.0.4-cp39-cp39-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"
MARKUPSAFE_PPC64LE = "markupsafe-3.0.4-cp39-cp39-musllinux_1_2_ppc64le.whl"
PSUTIL_MUSL = "psutil-7.2.2-cp36-abi3-musllinux_1_2_x86_64.whl"
PSUTIL_GLIBC = (
    "psutil-7.2.2-cp36-abi3-manylinux2010_x86_64.manylinux_2_12_x86_64.manylinux_2_28_x86_64.whl"
)
GPIOD_312 = "gpiod-2.2.0-cp312-cp312-musllinux_1_2_x86_64.whl"
MULTIDICT_313T = "multidict-6.6.3-cp313-cp313t-musllinux_1_2_x86_64.whl"
UEFI_GLIBC = "uefi_firmware-1.11-cp310-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"
UEFI_MUSL = "uefi_firmware-1.11-cp310-abi3-musllinux_1_2_x86_64.whl"
SPEEDUPS = "markupsafe._speedups"
GNU_SUFFIX = ".cpython-39-x86_64-linux-gnu.so"
MUSL_SUFFIX = ".cpython-39-x86_64-linux-musl.so"


def files_for(use: str) -> list[str]:
    return [known.file for known in wheels_for(use)]


def sentence(outcome_report: object) -> str:
    text = json.dumps(outcome_report)
    found = re.search(r'"sentence": "([^"]+)"', text)
    assert found
    return found.group(1)


class TestTags:
    """A wheel whose tags the target doesn't accept is refused with the part that differs, in words."""

    @pytest.mark.parametrize(
        ("file", "name", "words"),
        [
            # the libc
            (MARKUPSAFE_GLIBC, "cp39-gnu", ["glibc", "musl 1.2.5"]),
            (MARKUPSAFE_MUSL, "3.9", ["musl", "glibc 2."]),
            # the machine
            (MARKUPSAFE_PPC64LE, "cp39-musl", ["ppc64le", "x86_64"]),
            (files_for("Android")[0], "3.13", ["android_24_arm64_v8a", "x86_64"]),
            (files_for("WebAssembly")[0], "3.13", ["pyemscripten_2026_0_wasm32", "x86_64"]),
            # the Python
            (GPIOD_312, "cp39-musl", ["cp312", "CPython 3.9.2"]),
            (UEFI_MUSL, "cp39-musl", ["CPython 3.10 or newer", "CPython 3.9.2"]),
            (files_for("PyPy")[0], "cp39-musl", ["pypy39_pp73", "CPython 3.9.2"]),
            # free-threaded or not
            (PSUTIL_MUSL, "cp313t-musl", ["abi3", "free-threaded"]),
            (MULTIDICT_313T, "cp311-musl", ["cp313t", "CPython 3.11.2"]),
        ],
    )
    def test_wf503_says_what_differs(
        self,
        *,
        file: str,
        name: str,
        words: list[str],
        any_python: InterpreterFactory,
        wheel: WheelFactory,
        tmp_path: Path,
    ) -> None:
        outcome = refusal(wheel(file), tmp_path / "folder", any_python(name))
        (finding,) = outcome.report["refusals"]
        assert finding["code"] == "WF503"
        built_for, target = finding["sentence"].split(", the target")
        assert words[0] in built_for
        assert words[1] in target
        assert "--allow WF503" in outcome.errors
        assert "wheelfix explain WF503" in outcome.errors

    @pytest.mark.parametrize(
        ("tags", "name", "words"),
        [
            ("cp39-cp39-manylinux_2_99_x86_64", "3.9", "needs glibc 2.99 or newer, .* on glibc 2"),
            ("cp39-cp39-musllinux_1_9_x86_64", "cp39-gnu", "needs musl 1.9 or newer, .* 1.2.5"),
            ("cp313-cp313-linux_x86_64", "cp313t-musl", "ABI cp313, .* free-threaded .* cp313t"),
            ("cp313-cp313t-linux_x86_64", "3.13", "ABI cp313t, .* CPython 3.13.* cp313$"),
            ("cp313-none-any", "3.9", "CPython 3.13, the target is CPython 3.9"),
            ("py2-none-any", "3.9", "Python 2, the target is CPython 3.9"),
        ],
    )
    def test_wf503_of_made_wheels(
        self, tags: str, name: str, words: str, any_python: InterpreterFactory, tmp_path: Path
    ) -> None:
        made = make_wheel(tmp_path, {"example.py": ""}, tags=tags)
        outcome = refusal(made, tmp_path / "folder", any_python(name))
        assert outcome.codes == ["WF503"]
        assert re.search(words, sentence(outcome.report["refusals"]))


class TestOtherMachine:
    @pytest.mark.parametrize("file", files_for("other machine"))
    def test_real_wheels(
        self, file: str, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        folder, target = tmp_path / "folder", any_python("cp39-musl")
        assert refusal(wheel(file), folder, target).codes == ["WF503"]
        outcome = refusal(wheel(file), folder, target, options=["--allow", "WF503"])
        assert outcome.codes == ["WF201"]
        assert {each["subject"] for each in outcome.report["refusals"]} == set(
            extension_modules(wheel(file)).values()
        )

    def test_tag_that_hides_the_machine(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        content = file_ending(wheel(MARKUPSAFE_PPC64LE), "-linux-gnu.so")
        files: dict[str, bytes | str] = {
            "markupsafe/__init__.py": "",
            f"markupsafe/_speedups{MUSL_SUFFIX}": content,
        }
        made = make_wheel(tmp_path, files, tags="cp39-cp39-musllinux_1_2_x86_64")
        outcome = refusal(made, tmp_path / "folder", any_python("cp39-musl"))
        assert outcome.codes == ["WF201"]
        assert "PowerPC64" in sentence(outcome.report["refusals"])


class TestOtherLibc:
    """The libc in the file decides, whatever names and tags say."""

    @pytest.mark.parametrize(
        ("file", "tags", "name"),
        [
            (MARKUPSAFE_GLIBC, "cp39-cp39-linux_x86_64", "cp39-gnu"),
            (MARKUPSAFE_GLIBC, "cp39-cp39-linux_x86_64", "cp39-musl"),
            (MARKUPSAFE_GLIBC, "cp39-cp39-linux_x86_64", "cp39-musl-fallback"),
            (MARKUPSAFE_MUSL, "cp39-cp39-linux_x86_64", "3.9"),
            (PSUTIL_GLIBC, "cp36-abi3-linux_x86_64", "cp311-musl"),
            (PSUTIL_MUSL, "cp36-abi3-linux_x86_64", "3.11"),
        ],
    )
    def test_wf202(
        self,
        *,
        file: str,
        tags: str,
        name: str,
        any_python: InterpreterFactory,
        wheel: WheelFactory,
        tmp_path: Path,
    ) -> None:
        made = repack(wheel(file), tmp_path / "wheels", tags=tags)
        outcome = refusal(made, tmp_path / "folder", any_python(name))
        assert outcome.codes == ["WF202"]

    def test_wf202_is_right_although_musl_loads_the_module_by_luck(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        target = any_python("cp39-gnu")
        made = repack(wheel(MARKUPSAFE_GLIBC), tmp_path / "wheels", tags="cp39-cp39-linux_x86_64")
        plain = install_plainly([made], tmp_path / "plain")
        file = f"markupsafe/_speedups{GNU_SUFFIX}"
        assert origins(target, [SPEEDUPS], plain) == {SPEEDUPS: str(plain / file)}
        assert refusal(made, tmp_path / "refused", target).codes == ["WF202"]

    def test_allow_keeps_the_file_under_its_name_and_is_recorded(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        made = repack(wheel(MARKUPSAFE_GLIBC), tmp_path / "wheels", tags="cp39-cp39-linux_x86_64")
        outcome = install(
            [made], tmp_path / "folder", any_python("cp39-musl"), options=["--allow", "WF202"]
        )
        file = f"markupsafe/_speedups{GNU_SUFFIX}"
        assert new_names(outcome) == {}
        assert "allowed: WF202" in outcome.errors
        content = file_ending(made, GNU_SUFFIX)
        assert (tmp_path / "folder" / file).read_bytes() == content
        (info,) = (tmp_path / "folder").glob("*.dist-info")
        assert json.loads((info / "wheelfix.json").read_text())["allowed"] == [
            {"code": "WF202", "subject": file}
        ]


class TestOtherPython:
    @pytest.mark.parametrize(
        ("file", "code"),
        [
            *(
                (file, "WF203")
                for file in files_for("other Python")
                # (of these the machine differs as well, which is told first)
                if file.endswith("x86_64.whl")
            ),
            *((file, "WF203") for file in files_for("abi3t")),
            (files_for("PyPy")[0], "WF203"),
        ],
    )
    @pytest.mark.parametrize("name", ["cp39-musl", "cp313t-musl"])
    def test_real_wheels(
        self,
        *,
        file: str,
        code: str,
        name: str,
        any_python: InterpreterFactory,
        wheel: WheelFactory,
        tmp_path: Path,
    ) -> None:
        outcome = refusal(
            wheel(file), tmp_path / "folder", any_python(name), options=["--allow", "WF503"]
        )
        assert outcome.codes == [code]

    @pytest.mark.parametrize(
        ("file", "name"), [(GPIOD_312, "cp39-musl"), (MULTIDICT_313T, "cp311-musl")]
    )
    def test_tag_that_hides_the_any_python(
        self,
        file: str,
        name: str,
        any_python: InterpreterFactory,
        wheel: WheelFactory,
        tmp_path: Path,
    ) -> None:
        made = repack(wheel(file), tmp_path / "wheels", tags="py3-none-linux_x86_64")
        assert refusal(made, tmp_path / "folder", any_python(name)).codes == ["WF203"]


class TestStableAbi:
    def test_abi3_on_a_free_threaded_build(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        folder, target = tmp_path / "folder", any_python("cp313t-musl")
        # (its suffix list has .abi3.so: only the refusal stands between it and a crash)
        outcome = refusal(wheel(PSUTIL_MUSL), folder, target, options=["--allow", "WF503"])
        assert outcome.codes == ["WF204"]
        made = repack(wheel(PSUTIL_MUSL), tmp_path / "wheels", tags="py3-none-musllinux_1_2_x86_64")
        assert refusal(made, folder, target).codes == ["WF204"]

    @pytest.mark.parametrize(
        ("file", "name"),
        [(UEFI_GLIBC, "3.11"), (UEFI_GLIBC, "3.13"), (UEFI_MUSL, "cp311-musl")],
    )
    def test_false_abi3(
        self,
        file: str,
        name: str,
        any_python: InterpreterFactory,
        wheel: WheelFactory,
        tmp_path: Path,
    ) -> None:
        outcome = refusal(wheel(file), tmp_path / "folder", any_python(name))
        assert outcome.codes == ["WF205"]
        assert "cpython-310" in sentence(outcome.report["refusals"])

    def test_false_abi3_works_where_it_was_built_for(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        outcome = install([wheel(UEFI_GLIBC)], tmp_path / "folder", any_python("3.10"))
        assert outcome.codes == []
        module = "uefi_firmware.efi_compressor"
        found = origins(any_python("3.10"), [module], tmp_path / "folder")
        file = "uefi_firmware/efi_compressor.cpython-310-x86_64-linux-gnu.so"
        assert found == {module: str(tmp_path / "folder" / file)}


def test_one_target_that_refuses_stops_all(
    any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    pythons = [any_python("cp39-gnu"), any_python("cp39-musl"), any_python("cp311-musl")]
    outcome = refusal(wheel(MARKUPSAFE_MUSL), tmp_path / "folder", *pythons)
    assert outcome.codes == ["WF503"]
    assert [each["soabi"] for each in outcome.report["targets"]] == [
        "cpython-39-x86_64-linux-gnu",
        "cpython-39-x86_64-linux-musl",
        "cpython-311-x86_64-linux-musl",
    ]


def test_one_bad_wheel_stops_the_whole_call(
    any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    done = wheelfix(
        "install",
        *("--python", any_python("cp39-musl").executable),
        *("--target", tmp_path / "folder"),
        *(wheel(MARKUPSAFE_MUSL), wheel(MARKUPSAFE_PPC64LE), wheel(GPIOD_312)),
    )
    assert done.returncode == 1
    # both are told at once
    assert MARKUPSAFE_PPC64LE in done.stderr
    assert GPIOD_312 in done.stderr
    assert MARKUPSAFE_MUSL not in done.stderr
    assert not (tmp_path / "folder").exists()
