"""Probes: what really happens when an interpreter in a root loads a file."""

from __future__ import annotations

import ast
import enum
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from support.load_roots import LoadRoot

__all__ = ["Kind", "Outcome", "Probe", "is_native", "kind_of_sentence", "run_probes"]

INSIDE = Path(__file__).with_name("load_probe_inside.py")


class Kind(str, enum.Enum):
    """What loading a file comes to."""

    LOADS = "loads"
    NOT_FOUND = "not found"
    MISSING_LIBRARY = "missing library"
    MISSING_SYMBOL = "missing symbol"
    MISSING_VERSION = "missing version"
    TLS = "tls"
    CRASH = "crash"
    # what this loader does not take: no ELF, another machine, an executable, an executable stack
    WRONG_ELF = "wrong elf"


class Probe(NamedTuple):
    """One file to load.

    :param wheel: file name of the wheel; for a synthetic object, the name of its case.
    :param sha256: the wheel's.
    :param member: the file's path in the wheel.
    :param path: the same file as a process in the root sees it.
    :param root: one of load_roots.ROOTS.
    :param interpreter: one of that root's interpreters.
    :param folder: where a finder looks for it, as a process in the root sees it.
    :param name: the last part of its dotted name.
    :param dotted: whole dotted name to import; empty where the wheel needs others.
    :param entry: the sys.path entry that the dotted name counts from.
    """

    wheel: str
    sha256: str
    member: str
    path: str
    root: str
    interpreter: str
    folder: str
    name: str
    dotted: str = ""
    entry: str = ""


class Outcome(NamedTuple):
    """What happened, or what was foretold.

    :param load: what dlopen with RTLD_NOW comes to, whatever the file's name.
    :param sentence: the loader's own, empty where it loads or crashes.
    :param found: whether the interpreter's finder gives this very file for the name.
    :param symbols: the init symbols that it has of the two that an import would look for; empty
        where it doesn't load.
    :param instead: the file that the finder gives in its stead; empty for none.
    :param imported: the file that a whole import gave, its error, or "crash"; empty where none
        was tried.
    """

    load: Kind
    sentence: str = ""
    found: bool = True
    symbols: tuple[str, ...] = ()
    instead: str = ""
    imported: str = ""

    @property
    def kind(self) -> Kind:
        """What a user meets first."""
        return self.load if self.found else Kind.NOT_FOUND


REFUSED_FILE = (
    r"Exec format error|unsupported relocation type|unexpected reloc type|wrong ELF class|"
    r"invalid ELF header|file too short|ELF file OS ABI invalid|ELF file data encoding|"
    r"cannot enable executable stack|position-independent executable|cannot be dlopen\(\)ed|"
    r"only ET_DYN and ET_EXEC|cannot read file data|Is a directory|object file has no "
)
# The sentences of musl's ldso/dynlink.c and glibc's elf/dl-*.c, most telling first.
SENTENCES = (
    # (musl 1.2.5's sentence is empty where the relocation names no symbol: it formats NULL)
    (Kind.TLS, r"^$|initial-exec TLS resolves to dynamic definition in |static TLS block"),
    (Kind.MISSING_VERSION, r": version `[^']+' not found \(required by "),
    (Kind.MISSING_SYMBOL, r": symbol not found|undefined symbol: |with link time reference"),
    (Kind.WRONG_ELF, REFUSED_FILE),
    (Kind.MISSING_LIBRARY, r"Error loading shared library |cannot open shared object file"),
)
# e_ident and e_machine (EM_X86_64) of what an x86-64 loader takes
NATIVE = (b"\x7fELF\x02\x01", b"\x3e\x00")


def kind_of_sentence(sentence: str) -> Kind:
    """Put a loader's sentence into its class.

    :raises ValueError: no class fits.
    """
    for kind, pattern in SENTENCES:
        if re.search(pattern, sentence):
            return kind
    raise ValueError(f"no class for the loader's sentence {sentence!r}")


def is_native(file: Path) -> bool:
    """Tell whether the file's header is that of an ELF file for x86-64."""
    with file.open("rb") as stream:
        header = stream.read(20)
    return (header[:6], header[18:20]) == NATIVE


def _load_kind(answers: Sequence[str], status: int, file: Path) -> Kind:
    # (a crash after dlopen, in dlsym, does not happen: the first answer decides)
    if not answers:
        return Kind.CRASH
    sentence = ast.literal_eval(answers[0])
    if sentence is None:
        return Kind.LOADS if status == 0 else Kind.CRASH
    # Loaders tell a foreign machine by accident: musl by its relocation types or symbols, glibc as
    # a file that isn't there.
    return kind_of_sentence(sentence) if is_native(file) else Kind.WRONG_ELF


def _ending(status: int, noise: str) -> str:
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit status {os.WEXITSTATUS(status)}: {noise.strip()}"


def _outcome(probe: Probe, root: LoadRoot, line: str) -> Outcome:
    origin, answers, status, noise, *whole = ast.literal_eval(line)
    load = _load_kind(answers, status, root.folder / probe.path.lstrip("/"))
    said = ast.literal_eval(answers[0]) if answers else None
    sentence = _ending(status, noise) if load is Kind.CRASH else said or ""
    symbols = ast.literal_eval(answers[1]) if len(answers) > 1 else ()
    found = origin == probe.path
    imported = ""
    if whole:
        imported = ast.literal_eval(whole[0][0])[1] if whole[0] else _ending(whole[1], whole[2])
    instead = "" if found or origin is None else origin
    return Outcome(load, sentence, found, symbols, instead, imported)


def run_probes(
    root: LoadRoot, interpreter: str, probes: Iterable[Probe]
) -> list[tuple[Probe, Outcome]]:
    """Load each in a child of one interpreter that runs in the root.

    :raises AssertionError: the interpreter itself fails.
    """
    wanted = list(probes)
    script = root.folder / "probe" / INSIDE.name
    if not script.exists() or script.read_bytes() != INSIDE.read_bytes():
        # (moved into place: another interpreter may be starting with it)
        with tempfile.TemporaryDirectory(dir=script.parent) as folder:
            Path(shutil.copy(INSIDE, folder)).replace(script)
    command = root.command(interpreter, "-I", "-S", "-B", f"/probe/{INSIDE.name}")
    lines = "".join(
        f"{probe.path}\t{probe.folder}\t{probe.name}\t{probe.dotted}\t{probe.entry}\n"
        for probe in wanted
    )
    # No variable of this process may reach the loader (LD_LIBRARY_PATH) or a module.
    tools = {
        "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin",
        "HOME": "/tmp",
        "LC_ALL": "C.UTF-8",
    }
    run = subprocess.run(
        ["sh", "-c", 'ulimit -c 0; exec "$@"', "sh", *command],
        input=lines,
        check=False,
        capture_output=True,
        encoding="utf-8",
        env=tools,
        timeout=3600,
    )
    answers = run.stdout.splitlines()
    assert run.returncode == 0, f"{interpreter} in {root.name} failed:\n{run.stderr[-2000:]}"
    assert len(answers) == len(wanted), f"{len(answers)} answers to {len(wanted)} probes"
    return [(probe, _outcome(probe, root, line)) for probe, line in zip(wanted, answers)]
