from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from wheelfix.errors import EnvironmentRefusedError
from wheelfix.targets import _facts, asking
from wheelfix.targets.asking import asked_target, clean_environment, find_executable
from wheelfix.targets.running import running_target

if TYPE_CHECKING:
    from pathlib import Path


def script(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def refusal(python: str, timeout: float = 30.0) -> tuple[str, str]:
    with pytest.raises(EnvironmentRefusedError) as caught:
        asked_target(python, timeout=timeout)
    (finding,) = caught.value.findings
    return finding.code.id, finding.sentence


# --- answers


@pytest.mark.parametrize(
    ("scheme", "prefix"), [(None, None), ("posix_prefix", None), (None, "/opt/x")]
)
def test_both_doors_agree(scheme: str | None, prefix: str | None) -> None:
    asked = asked_target(sys.executable, scheme, prefix)
    running = running_target(scheme, prefix)
    assert asked.to_json() == running.to_json()
    assert asked == running


def test_noise_around_the_answer_is_left_alone(tmp_path: Path) -> None:
    wrapper = script(
        tmp_path / "python", f'echo "noise {_facts.MARKER}"\n"{sys.executable}" "$@"\necho after'
    )
    target = asked_target(wrapper)
    assert target.version_info == sys.version_info[:2]
    assert target.executable == sys.executable


def test_nothing_foreign_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    for name in ("json", "sitecustomize", "usercustomize", "startup", "sysconfig"):
        (tmp_path / f"{name}.py").write_text(evil)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "startup.py"))
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path))
    monkeypatch.setenv("_PYTHON_SYSCONFIGDATA_NAME", "json")
    monkeypatch.chdir(tmp_path)
    asked = asked_target(sys.executable)
    assert asked.soabi is not None
    assert not (tmp_path / "ran").exists()


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(EnvironmentRefusedError, match="posix_prefix") as caught:
        asked_target(sys.executable, scheme="nowhere")
    assert caught.value.code.id == "WF507"


def test_the_environment_is_cleaned_by_name() -> None:
    given = {
        "PATH": "/bin",
        "PYENV_VERSION": "3.9",
        "PYTHONPATH": "x",
        "PYTHONHOME": "x",
        "_PYTHON_HOST_PLATFORM": "x",
        "_CONDA_PYTHON_SYSCONFIGDATA_NAME": "x",
        "__PYVENV_LAUNCHER__": "x",
    }
    assert clean_environment(given) == {"PATH": "/bin", "PYENV_VERSION": "3.9"}


# --- refusals


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("exit 3", "it ended with status 3"),
        ("echo one; echo broken >&2; exit 1", "it ended with status 1, and printed: broken"),
        ("kill -9 $$", "it was ended by signal 9"),
        ("echo hello", "it answered as no Python does, and printed: hello"),
        ("exit 0", "it answered as no Python does"),
        (f"echo '{_facts.MARKER}'; echo '{{'", "it answered as no Python does"),
        (f"echo '{_facts.MARKER}'; echo '[1]'", "it answered as no Python does"),
        (f"echo '{_facts.MARKER}'; echo '{{}}'", "it answered as no Python does"),
        (
            "echo 'Unknown option: -I' >&2; exit 2",
            "it doesn't know the option -I, so it is Python 2; 3.6 is needed",
        ),
        (
            f"echo '{_facts.MARKER}'; echo '"
            + json.dumps({**_facts.collect(None, None), "version": "3.5.2"})
            + "'",
            "it is Python 3.5.2; 3.6 or newer is needed",
        ),
        (
            f"echo '{_facts.MARKER}'; echo '"
            + json.dumps({**_facts.collect(None, None), "error": "broken", "soabi": None})
            + "'",
            "its sysconfig can't be read (broken)",
        ),
    ],
)
def test_what_cannot_be_asked(tmp_path: Path, body: str, words: str) -> None:
    code, sentence = refusal(script(tmp_path / "python", body))
    assert code == "WF501"
    assert sentence.startswith(words)


def test_a_long_line_is_cut(tmp_path: Path) -> None:
    _, sentence = refusal(script(tmp_path / "python", "printf '%01000d' 1; exit 1"))
    assert len(sentence) < 300


def test_a_wrapper_that_exports_cross_build_variables(tmp_path: Path) -> None:
    wrapper = script(
        tmp_path / "python",
        f'export _PYTHON_SYSCONFIGDATA_NAME=_sysconfigdata_made_up\nexec "{sys.executable}" "$@"',
    )
    code, sentence = refusal(wrapper)
    assert code == "WF502"
    assert "_PYTHON_SYSCONFIGDATA_NAME" in sentence
    assert "_sysconfigdata_made_up" in sentence


def test_one_that_never_answers_is_ended_with_its_children(tmp_path: Path) -> None:
    begin, threads = time.monotonic(), threading.active_count()
    code, sentence = refusal(script(tmp_path / "python", "sleep 300\necho"), timeout=0.3)
    assert (code, sentence) == ("WF501", "it gave no answer within 0.3 seconds")
    assert time.monotonic() - begin < 20
    assert wait_for(lambda: threading.active_count() == threads)


def test_one_that_closes_its_output_and_goes_on_is_ended(tmp_path: Path) -> None:
    _, sentence = refusal(
        script(tmp_path / "python", "exec >/dev/null 2>&1\nsleep 300"), timeout=0.3
    )
    assert sentence == "it gave no answer within 0.3 seconds"


def test_one_that_prints_without_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_MAX_OUTPUT", 100_000)
    _, sentence = refusal(script(tmp_path / "python", "yes"))
    assert sentence == "it prints more than 100000 bytes"


def wait_for(condition: object) -> bool:
    assert callable(condition)
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.05)
    return False


# --- what --python means


def test_a_file_a_folder_and_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    python = tmp_path / "venv" / "bin" / "python"
    python.symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)
    assert find_executable(str(python)) == str(python)
    assert find_executable("venv/bin/python") == str(python)
    assert find_executable("venv") == str(python)
    monkeypatch.setenv("PATH", str(python.parent))
    assert find_executable("python") == str(python)
    # a folder that happens to be called like a command
    (tmp_path / "python").mkdir()
    assert find_executable("python") == str(python)


def test_a_folder_may_hold_python3_alone(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python3"
    python.symlink_to(sys.executable)
    assert find_executable(str(tmp_path)) == str(python)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("folder", "the folder holds no bin/python"),
        ("broken-link", "the link leads nowhere"),
        ("plain", "the file is not executable"),
        ("folder/missing", "there is no such file"),
        ("missing", "no such command on PATH"),
        ("binary", "it can't be started: Exec format error"),
    ],
)
def test_what_is_no_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken-link").symlink_to("nowhere")
    (tmp_path / "plain").touch()
    (tmp_path / "binary").write_bytes(b"\x7fELF and no more")
    (tmp_path / "binary").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    code, sentence = refusal(name)
    assert code == "WF501"
    assert words in sentence
    assert os.sep not in sentence.replace("bin/python", "")
