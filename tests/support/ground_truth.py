"""What real loaders do with real wheels' modules: probed once and kept."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from support.interpreters import CannotBuildError
from support.load_probe import INSIDE, Kind, Outcome, Probe, run_probes
from support.load_roots import ROOTS, load_root, roots_folder
from support.load_wheels import fitting, link_into, other, unpack
from support.synthetic_objects import synthetic_probes
from support.wheels import known_wheels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from support.load_roots import LoadRoot, RootInterpreter
    from support.load_wheels import Unpacked

__all__ = ["GroundTruth", "Row", "ground_truth", "synthetic_truth"]

# Modules and other shared objects of each wheel that are probed, spread over what it has.
MODULES = 6
LIBRARIES = 2
# Of a wheel for another machine; each fails alike.
FOREIGN_MODULES = 1
# bytes: larger wheels show no further rule
LARGEST = 30_000_000


class Row(NamedTuple):
    """A probe and what happened."""

    probe: Probe
    outcome: Outcome


class Run(NamedTuple):
    """What one interpreter is to probe: wheels, each with whether its tags fit."""

    root: LoadRoot
    python: RootInterpreter
    wheels: Sequence[tuple[Unpacked, bool]]


class GroundTruth(NamedTuple):
    """All rows.

    :param ran: how many were probed now; the others were known.
    """

    rows: Sequence[Row]
    ran: int


# Interpreters at work at a time.
PROCESSES = 2
# (one case is about libpython3.11)
SYNTHETIC_INTERPRETERS = {"musl": "cp311-musl", "glibc": "cpython-3.11"}


def _spread(items: Sequence[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    if len(items) <= count:
        return list(items)
    return [items[position * len(items) // count] for position in range(count)]


def _chosen(wheel: Unpacked, root: LoadRoot) -> Iterator[tuple[RootInterpreter, bool]]:
    """Choose interpreters, each with whether its version and ABI fit the wheel."""
    pythons = sorted(root.interpreters.values(), key=lambda python: python.name)
    if not wheel.native:
        for python in other(wheel.file, pythons)[:1]:
            yield python, False
        return
    fit = fitting(wheel.file, pythons)
    oldest, newest = fit[:3], fit[-1:]
    for python in dict.fromkeys(oldest + newest):
        yield python, True
    for python in other(wheel.file, pythons)[: 1 if fit else 2]:
        yield python, False


def _probe(wheel: Unpacked, member: str, place: str, *, whole: bool) -> Probe:
    """Make a probe, without root and interpreter."""
    path = PurePosixPath(wheel.inside, place)
    name, folder = path.name.split(".")[0], path.parent
    if name == "__init__":
        # A package's module: the finder looks for the folder's name in the folder above.
        name, folder = folder.name, folder.parent
    parts = (*folder.relative_to(wheel.inside).parts, name)
    dotted = ".".join(parts) if whole and all(map(str.isidentifier, parts)) else ""
    entry = wheel.inside if dotted else ""
    return Probe(
        wheel.file, wheel.sha256, member, str(path), "", "", str(folder), name, dotted, entry
    )


def _probes(wheel: Unpacked, root: LoadRoot, python: RootInterpreter, *, fits: bool) -> list[Probe]:
    members = _spread(wheel.modules, MODULES if wheel.native else FOREIGN_MODULES)
    whole = {member for member, _ in members if wheel.alone and fits}
    if wheel.native:
        # (most of what is vendored in ".libs" is the same few libraries)
        libraries = sorted(wheel.libraries, key=lambda library: ".libs/" in library[0])
        members += libraries[:LIBRARIES]
    return [
        _probe(wheel, member, place, whole=member in whole)._replace(
            root=root.name, interpreter=python.name
        )
        for member, place in members
    ]


def _digest(root: LoadRoot, python: RootInterpreter) -> str:
    """Change with the loader, the interpreter, and how probes are made, run and judged."""
    here = Path(__file__)
    sources = (here, INSIDE, here.with_name("load_probe.py"), here.with_name("load_wheels.py"))
    texts = [source.read_bytes() for source in sources]
    texts += [root.digest.encode(), python.digest.encode()]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def _from_json(row: Sequence[Sequence[Any]]) -> Row:
    load, sentence, found, symbols, instead, imported = row[1]
    outcome = Outcome(Kind(load), sentence, found, tuple(symbols), instead, imported)
    return Row(Probe(*row[0]), outcome)


def _of_interpreter(run: Run) -> GroundTruth:
    """Read what is known of one interpreter, and probe the rest in one run."""
    root, python, wheels = run
    store = roots_folder() / "ground_truth" / f"{root.name}-{python.name}.json"
    digest = _digest(root, python)
    known: dict[str, Any] = json.loads(store.read_text("utf-8")) if store.exists() else {}
    rows: dict[str, list[Any]] = known["wheels"] if known.get("digest") == digest else {}
    missing = [(wheel, fits) for wheel, fits in wheels if wheel.sha256 not in rows]
    probes = [probe for wheel, fits in missing for probe in _probes(wheel, root, python, fits=fits)]
    if missing:
        for wheel, _ in missing:
            rows[wheel.sha256] = []
        for probe, outcome in run_probes(root, python.name, probes):
            rows[probe.sha256].append((probe, outcome))
        store.parent.mkdir(exist_ok=True)
        new = store.with_suffix(".new")
        new.write_text(json.dumps({"digest": digest, "wheels": rows}), "utf-8")
        new.replace(store)
        rows = json.loads(json.dumps(rows))
    found = [_from_json(row) for wheel, _ in wheels for row in rows[wheel.sha256]]
    return GroundTruth(found, len(probes))


def ground_truth(roots: Iterable[str] = tuple(ROOTS)) -> GroundTruth:
    """Give every row of these roots, after probing what is not known yet.

    :raises CannotBuildError: a root can't be built on this machine.
    :raises DownloadError: a wheel can't be had.
    """
    wheels = [unpack(wheel) for wheel in known_wheels().values() if wheel.size <= LARGEST]
    runs: list[Run] = []
    for root in map(load_root, roots):
        wanted: dict[str, list[tuple[Unpacked, bool]]] = {}
        for wheel in wheels:
            link_into(root, wheel)
            for python, fits in _chosen(wheel, root):
                wanted.setdefault(python.name, []).append((wheel, fits))
        runs += (Run(root, root.interpreters[name], wanted[name]) for name in sorted(wanted))
    with ThreadPoolExecutor(PROCESSES) as pool:
        truths = list(pool.map(_of_interpreter, runs))
    rows = [row for truth in truths for row in truth.rows]
    return GroundTruth(rows, sum(truth.ran for truth in truths))


def synthetic_truth(roots: Iterable[str] = tuple(ROOTS)) -> list[Row]:
    """Probe the synthetic objects, with one interpreter of each root; takes seconds.

    :raises CannotBuildError: a root can't be built on this machine, or it lacks CPython 3.11.
    """
    rows: list[Row] = []
    for root in map(load_root, roots):
        python = SYNTHETIC_INTERPRETERS[root.libc]
        if python not in root.interpreters:
            raise CannotBuildError(f"there is no {python} here")
        probes = synthetic_probes(root, python)
        rows += (Row(probe, outcome) for probe, outcome in run_probes(root, python, probes))
    return rows
