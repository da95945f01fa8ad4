"""``wheelfix run`` and ``wheelfix pip``: what goes through, what is mended, and which exit status comes of it."""

from __future__ import annotations

import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.elf_maker import extension_module
from support.environment_maker import install_misnamed, make_virtual_environment
from support.installs import wheelfix
from support.trees import tree
from wheelfix.cli import main
from wheelfix.wrapping._running import _drop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
OTHER = ".cpython-{}{}-x86_64-linux-musl.so".format(*sys.version_info[:2])
TAG = "cp{0}{1}-cp{0}{1}-linux_x86_64".format(*sys.version_info[:2])

needs_this_machine = pytest.mark.skipif(
    not SUFFIX.endswith("-x86_64-linux-gnu.so"), reason="the modules are for another machine"
)


class App:
    """A virtual environment, and a program that "installs" a module into it that the interpreter doesn't import.

    :param folder: the environment's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = make_virtual_environment(folder)
        self.wheel = folder.parent / "wheel"
        self.wheel.mkdir()

    def installer(self, where: str | Path | None = None, *, module: bytes | None = None) -> str:
        """Write a shell command that installs."""
        content = extension_module("fast") if module is None else module
        install_misnamed(self.wheel, {f"fast{OTHER}": content}, tag=TAG)
        to = self.site if where is None else where
        return f"mkdir -p {to} && cp -r {self.wheel}/. {to}"

    @property
    def modules(self) -> list[str]:
        return sorted(path.name for path in self.site.glob("*.so"))


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return App(tmp_path / "app")


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(0o755)
    return path


def run_shell(app: App, text: str) -> int:
    return main(["run", "--python", str(app.folder), "--", "sh", "-c", text])


@needs_this_machine
class TestMending:
    def test_what_the_command_installs(self, app: App, capfd: pytest.CaptureFixture[str]) -> None:
        assert run_shell(app, f"echo before; {app.installer()}; echo after") == 0
        assert app.modules == [f"fast{SUFFIX}"]
        out, err = capfd.readouterr()
        assert out == "before\nafter\n"
        assert err == f"wheelfix: example 1.0: 1 module mended in {app.site}\n"

    def test_several_modules(self, app: App, capfd: pytest.CaptureFixture[str]) -> None:
        files: dict[str, bytes | str] = {
            f"{name}{OTHER}": extension_module(name) for name in ("a", "b")
        }
        install_misnamed(app.wheel, files, tag=TAG)
        assert run_shell(app, f"cp -r {app.wheel}/. {app.site}") == 0
        assert "2 modules mended" in capfd.readouterr().err

    def test_only_that(self, app: App, capfd: pytest.CaptureFixture[str]) -> None:
        install_misnamed(app.site, {f"old{OTHER}": extension_module("old")}, name="old", tag=TAG)
        assert run_shell(app, app.installer()) == 0
        assert app.modules == [f"fast{SUFFIX}", f"old{OTHER}"]
        assert "old" not in capfd.readouterr().err

    def test_nothing_new(self, app: App, capfd: pytest.CaptureFixture[str]) -> None:
        install_misnamed(app.site, {f"old{OTHER}": extension_module("old")}, name="old", tag=TAG)
        before = tree(app.folder)
        assert run_shell(app, "true") == 0
        assert tree(app.folder) == before
        assert capfd.readouterr() == ("", "")

    def test_what_a_command_has_installed_before_it_failed(self, app: App) -> None:
        assert run_shell(app, f"{app.installer()}; exit 7") == 7
        assert app.modules == [f"fast{SUFFIX}"]

    def test_what_cannot_be_mended(self, app: App, capfd: pytest.CaptureFixture[str]) -> None:
        musl = extension_module("fast", libc="musl")
        assert run_shell(app, app.installer(module=musl)) == 1
        assert app.modules == [f"fast{OTHER}"]
        assert "wheelfix: error: WF202" in capfd.readouterr().err

    def test_the_status_of_the_command_comes_first(self, app: App) -> None:
        musl = extension_module("fast", libc="musl")
        assert run_shell(app, f"{app.installer(module=musl)}; exit 7") == 7

    def test_an_error_while_mending(self, app: App, capfd: pytest.CaptureFixture[str]) -> None:
        text = f"{app.installer()}; rm {app.folder}/bin/python"
        assert run_shell(app, text) == 1
        assert "WF501" in capfd.readouterr().err

    def test_an_environment_that_the_command_makes(self, app: App) -> None:
        site = app.folder.parent / "new" / app.site.relative_to(app.folder)
        made = f"cp -r {app.folder} new; {app.installer(site)}"
        assert main(["run", "--python", "new", "sh", "-c", made]) == 0
        assert [path.name for path in site.glob("*.so")] == [f"fast{SUFFIX}"]

    def test_it_makes_none(self, app: App, capfd: pytest.CaptureFixture[str]) -> None:
        assert main(["run", "--python", "new", "true"]) == 1
        assert "WF627 true: there is no environment" in capfd.readouterr().err
        assert app.modules == []
        assert main(["run", "--python", "new", "false"]) == 1
        assert capfd.readouterr().err == ""

    def test_an_environment_that_only_the_installer_finds(
        self, app: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # as Poetry does, which tells of it as soon as it has made it
        text = f"""#!/bin/sh
case "$*" in
*list*) test -e made && echo {app.folder};;
*) touch made; {app.installer()};;
esac
"""
        program(app.folder.parent / "tools/poetry", text)
        monkeypatch.setenv("PATH", f"{app.folder.parent}/tools:{os.environ['PATH']}")
        assert main(["run", "poetry", "install"]) == 0
        assert app.modules == [f"fast{SUFFIX}"]

    def test_a_place_that_was_known_before(
        self, app: App, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        program(app.folder.parent / "tools/poetry", "#!/bin/sh\necho /nowhere/at/all\n")
        monkeypatch.setenv("PATH", f"{app.folder.parent}/tools:{os.environ['PATH']}")
        assert main(["run", "poetry", "install"]) == 1
        assert "WF627" in capfd.readouterr().err

    def test_one_folder_under_another_root(self, app: App) -> None:
        pip = f"""#!{app.folder}/bin/python
import subprocess
subprocess.run(["sh", "-c", {app.installer("root/p/lib/python3.9/site-packages")!r}], check=True)
"""
        pip_path = program(app.folder / "bin/pip", pip)
        line = ["run", str(pip_path), "install", "--root", "root", "--prefix", "/p", "example"]
        assert main(line) == 0
        assert len([*Path("root/p").rglob(f"fast{SUFFIX}")]) == 1

    def test_nothing_is_loaded_from_what_the_command_has_changed(self, app: App) -> None:
        code = f"""
import sys
seen = []
def watch(event, details):
    if event == "os.posix_spawn":
        seen.append("spawned")
    if event == "import" and seen:
        seen.append(details[0])
sys.addaudithook(watch)
from wheelfix.cli import main
status = main(["run", "--python", {str(app.folder)!r}, "sh", "-c", {app.installer()!r}])
print(*seen)
sys.exit(status)
"""
        command = [sys.executable, "-W", "error", "-c", code]
        path = os.pathsep.join([str(app.site), *sys.path])
        variables = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=variables)
        assert done.returncode == 0, done.stderr
        spawned, *late = done.stdout.split()
        assert spawned == "spawned"
        ours = ("elftools", "installer", "packaging", "wheel", "wheelfix")
        assert [name for name in late if name.partition(".")[0] in ours] == []

    def test_all_is_loaded_where_wheelfix_itself_may_be_replaced(
        self, app: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(app.site)
        assert run_shell(app, app.installer()) == 0
        assert app.modules == [f"fast{SUFFIX}"]
        assert "wheelfix.removing" in sys.modules


class TestStatus:
    @pytest.mark.parametrize(
        ("text", "status"),
        [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137), ("kill -TERM $$", 143)],
    )
    def test_of_the_command(self, text: str, status: int, app: App) -> None:
        assert run_shell(app, text) == status

    def test_no_such_command(self, app: App, capfd: pytest.CaptureFixture[str]) -> None:
        assert main(["run", "--", "no-such-command", "install"]) == 127
        assert "WF625 no-such-command: there is no such command on PATH" in capfd.readouterr().err
        assert main(["run", "--", str(app.folder / "bin/pip"), "install"]) == 127
        assert "there is no such file" in capfd.readouterr().err

    def test_the_interpreter_of_a_script_is_gone(
        self, app: App, capfd: pytest.CaptureFixture[str]
    ) -> None:
        pip = program(app.folder / "bin/pip", "#!/no/such/python\n")
        assert main(["run", "--", str(pip), "list"]) == 127
        assert "its first line" in capfd.readouterr().err

    def test_what_cannot_be_run(self, app: App, capfd: pytest.CaptureFixture[str]) -> None:
        (app.folder / "pip").touch()
        assert main(["run", "--", str(app.folder / "pip")]) == 126
        assert "WF626" in capfd.readouterr().err
        assert main(["run", "--", str(app.folder)]) == 126
        assert "it is a folder" in capfd.readouterr().err

    def test_a_program_for_another_machine(
        self, app: App, capfd: pytest.CaptureFixture[str]
    ) -> None:
        # its interpreter is a folder
        pip = program(app.folder / "bin/pip", f"#!{app.folder}\n")
        assert main(["run", "--", str(pip), "list"]) == 126
        assert "WF626" in capfd.readouterr().err

    def test_a_script_without_a_first_line(
        self, app: App, capfd: pytest.CaptureFixture[str]
    ) -> None:
        script = program(app.folder / "script", 'echo "$1"\nexit 4\n')
        assert main(["run", "--python", str(app.folder), str(script), "said"]) == 4
        assert capfd.readouterr().out == "said\n"

    def test_an_interpreter_that_cannot_be_asked(
        self, app: App, capfd: pytest.CaptureFixture[str]
    ) -> None:
        python = program(app.folder.parent / "python3", "#!/bin/sh\necho run >> log\nexit 1\n")
        assert main(["run", str(python), "-m", "pip", "install", "x"]) == 1
        assert "WF501" in capfd.readouterr().err
        # only to be asked
        assert Path("log").read_text("utf-8") == "run\n"

    @pytest.mark.parametrize("arguments", [[], ["--"], ["--python", "x"], ["--python", "x", "--"]])
    def test_no_command(self, arguments: Sequence[str], capfd: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            main(["run", *arguments])
        assert caught.value.code == 2
        assert "give the command" in capfd.readouterr().err

    def test_the_environment_has_to_be_named(
        self, app: App, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            main(["run", "sh", "-c", f"touch {app.folder}/done"])
        assert caught.value.code == 2
        assert "name the environment by --python" in capfd.readouterr().err
        assert not (app.folder / "done").exists()

    @pytest.mark.parametrize("separator", [[], ["--"]])
    def test_options_of_the_command(
        self, separator: Sequence[str], app: App, capfd: pytest.CaptureFixture[str]
    ) -> None:
        line = ["sh", "-c", 'echo "$@"', "-", "--python", "y", "--", "--help"]
        assert main(["run", "--python", str(app.folder), *separator, *line]) == 0
        assert capfd.readouterr().out == "--python y -- --help\n"


class TestNamingThePython:
    @needs_this_machine
    def test_a_command_on_the_path(self, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", f"{app.folder}/bin:{os.environ['PATH']}")
        assert main(["run", "--python", "python", "sh", "-c", app.installer()]) == 0
        assert app.modules == [f"fast{SUFFIX}"]

    @needs_this_machine
    def test_a_relative_path(self, app: App) -> None:
        assert main(["run", "--python", "app/bin/python", "sh", "-c", app.installer()]) == 0
        assert app.modules == [f"fast{SUFFIX}"]


class TestPip:
    def test_it_is_a_module_of_the_first_python(
        self, app: App, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("PATH", str(app.folder / "bin"))
        (app.site / "pip.py").write_text("import sys; print(sys.argv[1:]); sys.exit(5)", "utf-8")
        assert main(["pip", "--version", "-q", "--", "--help"]) == 5
        assert capfd.readouterr().out == "['--version', '-q', '--', '--help']\n"

    @pytest.mark.parametrize("option", ["--help", "-h"])
    def test_help(self, option: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            main(["pip", option])
        assert caught.value.code == 0
        assert "`wheelfix pip help` is pip's own help" in capsys.readouterr().out

    def test_python3(
        self, app: App, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (app.folder / "bin/python").rename(app.folder / "bin/python3")
        monkeypatch.setenv("PATH", str(app.folder / "bin"))
        (app.site / "pip.py").write_text("print('it is pip')", "utf-8")
        assert main(["pip", "list"]) == 0
        assert capfd.readouterr().out == "it is pip\n"

    def test_no_python(
        self, app: App, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("PATH", str(app.folder))
        assert main(["pip", "list"]) == 127
        assert "python3" in capfd.readouterr().err

    @needs_this_machine
    def test_it_mends(self, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", f"{app.folder}/bin:{os.environ['PATH']}")
        text = f"import subprocess\nsubprocess.run({['sh', '-c', app.installer()]!r}, check=True)\n"
        (app.site / "pip.py").write_text(text, "utf-8")
        assert main(["pip", "install", "example"]) == 0
        assert app.modules == [f"fast{SUFFIX}"]


class TestStreamsAndSignals:
    def test_input_and_output(self, app: App) -> None:
        done = wheelfix(
            *("run", "--python", app.folder, "sh", "-c", "cat; echo error >&2"), input="typed\n"
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "typed\n", "error\n")

    def test_signals_are_as_usual(self, app: App) -> None:
        # Python ignores SIGPIPE, and what waits for the command blocks several
        text = "grep -E '^Sig(Blk|Ign)' /proc/self/status"
        plain = subprocess.run(["sh", "-c", text], check=True, capture_output=True, text=True)
        done = wheelfix("run", "--python", app.folder, "sh", "-c", text)
        masks = [
            # 32 and 33 are glibc's own
            [int(line.split()[1], 16) & 0x7FFFFFFF for line in run.stdout.splitlines()]
            for run in (plain, done)
        ]
        assert masks[0] == masks[1]

    @pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2"])
    def test_a_signal_is_passed_on(self, name: str, app: App) -> None:
        # the signal is sent to who has started the shell
        code = f"""
import os, signal, sys, time
signal.signal(signal.SIG{name}, lambda *_: sys.exit(9))
os.kill(os.getppid(), signal.SIG{name})
time.sleep(20)
"""
        begin = time.monotonic()
        line = ["run", "--python", str(app.folder), sys.executable, "-c", code]
        assert main(line) == 9
        assert time.monotonic() - begin < 15

    def test_it_takes_its_time(self, app: App) -> None:
        assert run_shell(app, "sleep 1.2; exit 3") == 3

    def test_what_comes_in_the_end_is_dropped(self) -> None:
        signals: set[int] = {signal.SIGUSR1}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        try:
            signal.raise_signal(signal.SIGUSR1)
            _drop(signals)
            assert not signal.sigpending()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def test_the_terminal_interrupts_once(self, app: App) -> None:
        code = """
import os, signal, sys, time
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
print("ready", os.getpgrp() == os.tcgetpgrp(0), flush=True)
end = time.monotonic() + 1
while time.monotonic() < end:
    time.sleep(0.05)
print("seen", len(seen), flush=True)
sys.exit(6)
"""
        command = ["run", "--python", str(app.folder), sys.executable, "-c", code]
        with Terminal([sys.executable, "-m", "wheelfix", *command]) as terminal:
            terminal.read_until("ready True")
            terminal.write(b"\x03")
            terminal.read_until("seen 1")
            assert terminal.wait() == 6

    def test_the_terminal_stops_both(self, app: App) -> None:
        text = "echo rea''dy; read answer; echo go''t $answer"
        inner = shlex.join(
            [*(sys.executable, "-m", "wheelfix", "run", "--python", str(app.folder)), "sh", "-c", text]
        )  # fmt: skip
        # an interactive shell, which has job control
        with Terminal(["bash", "--norc", "--noediting", "-i"]) as terminal:
            terminal.write(b"PS1=pro''mpt:\n")
            terminal.read_until("prompt:")
            terminal.write(f"{inner}\n".encode())
            terminal.read_until("ready\n")
            terminal.write(b"\x1a")
            terminal.read_until("Stopped")
            terminal.read_until("prompt:")
            terminal.write(b"fg\n")
            # the shell says which one it continues
            terminal.read_until("sh -c")
            terminal.write(b"word\n")
            terminal.read_until("got word")
            terminal.write(b"exit 0\n")
            assert terminal.wait() == 0


class Terminal:
    """A process that a new terminal controls."""

    def __init__(self, command: Sequence[str]) -> None:
        self._text = ""
        self._child, self._end = pty.fork()
        if self._child == 0:  # pragma: no cover - another process
            os.execvp(command[0], [*command])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._end)

    def write(self, data: bytes) -> None:
        os.write(self._end, data)

    def read_until(self, text: str) -> None:
        """Read what is printed; what comes before the text is forgotten."""
        deadline = time.monotonic() + 30
        while text not in self._text:
            ready, _, _ = select.select([self._end], [], [], deadline - time.monotonic())
            assert ready, f"{text!r} did not come after {self._text!r}"
            self._text += os.read(self._end, 4096).decode().replace("\r", "")
        self._text = self._text.partition(text)[2]

    def wait(self) -> int:
        _, status = os.waitpid(self._child, 0)
        return os.waitstatus_to_exitcode(status)
