"""Many wheels, on several systems, in other threads and processes."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import pytest

from support.elf_maker import extension_module, shared_object
from support.target_maker import make_target
from support.wheel_maker import make_wheel
from wheelfix.checking import System, Verdict, check_wheels, profile_system
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.observing import Observer
from wheelfix.planning import Policy, Repair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GNU = ".cpython-39-x86_64-linux-gnu.so"
MUSL39 = "cp39-cp39-musllinux_1_1_x86_64"


@pytest.fixture
def systems() -> list[System]:
    return [
        System(make_target("cp39-gnu"), label="gnu"),
        System(make_target("cp39-musl"), label="musl"),
        profile_system("alpine-3.14"),
    ]


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    """Make some wheels, a broken one among them."""
    good = extension_module("m", libc="musl")
    broken = tmp_path / "broken-1.0-py3-none-any.whl"
    broken.write_bytes(b"no zip archive")
    return [
        make_wheel(tmp_path, {"m" + GNU: good}, name="one", tags=MUSL39),
        broken,
        make_wheel(tmp_path, {"m" + GNU: good[:300]}, name="two", tags=MUSL39),
        tmp_path / "missing-1.0-py3-none-any.whl",
        make_wheel(tmp_path, {"p.py": ""}, name="three"),
    ]


def test_one_answer_for_each_path_in_their_order(wheels: list[Path], systems: list[System]) -> None:
    found = list(check_wheels(map(str, wheels), systems))
    assert [each.wheel for each in found] == [path.name for path in wheels]
    assert [[code.code.id for code in each.findings] for each in found] == [
        [],
        ["WF401"],
        [],
        ["WF401"],
        [],
    ]
    assert [len(each.targets) for each in found] == [3, 0, 3, 0, 3]
    verdicts = [target.verdict for target in found[0].targets]
    assert verdicts == [Verdict.IMPORTS, Verdict.RENAMED, Verdict.RENAMED]


def threads() -> Executor:
    return ThreadPoolExecutor(2)


def processes() -> Executor:
    # what a process starts with must not matter
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


@pytest.mark.parametrize("make", [threads, processes])
def test_executors_give_the_same(
    wheels: list[Path], systems: list[System], make: Callable[[], Executor]
) -> None:
    policy = Policy(Repair.OFF, frozenset({"WF503"}))
    here = list(check_wheels(wheels, systems, policy))
    with make() as executor:
        assert list(check_wheels(wheels, systems, policy, executor=executor)) == here


class Told(Observer):
    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []
        self.threads: set[int] = set()

    def checked(self, done: int, total: int) -> None:
        self.steps.append((done, total))
        self.threads.add(threading.get_ident())


@pytest.mark.parametrize("workers", [0, 2])
def test_an_observer_is_told(wheels: list[Path], systems: list[System], workers: int) -> None:
    observer = Told()
    if workers:
        with ThreadPoolExecutor(workers) as executor:
            list(check_wheels(wheels, systems, executor=executor, observer=observer))
    else:
        list(check_wheels(wheels, systems, observer=observer))
    assert observer.steps == [(done, 5) for done in range(1, 6)]
    assert observer.threads == {threading.get_ident()}


class Slow(Executor):
    """Carries the first call out, and leaves all others waiting."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if not self.futures:
            future.set_result(function(*args, **kwargs))
        self.futures.append(future)
        return future


def test_what_nobody_waits_for_any_more_is_cancelled(
    wheels: list[Path], systems: list[System]
) -> None:
    executor = Slow()
    found = check_wheels(wheels, systems, executor=executor)
    first = next(found)
    assert first.wheel == wheels[0].name
    assert [future.cancelled() for future in executor.futures] == [False] * 5
    found.close()  # type: ignore[attr-defined]
    assert [future.cancelled() for future in executor.futures] == [False, *[True] * 4]


def test_no_wheels(systems: list[System]) -> None:
    assert list(check_wheels([], systems)) == []


def test_tags_are_not_held_against_the_target(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"m" + GNU: extension_module("m")}, tags="cp38-cp38-linux_x86_64")
    system = System(make_target("cp39-glibc"))
    verdicts = [
        next(check_wheels([wheel], [system], check_tags=check)).targets[0].verdict
        for check in (True, False)
    ]
    assert verdicts == [Verdict.FAILS, Verdict.IMPORTS]


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_an_interpreter_that_cannot_be_read(
    tmp_path: Path,
    wheels: list[Path],
    is_elsewhere: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    system = System(make_target("cp39-gnu"), root=str(root))
    with ExitStack() as stack:
        executor = stack.enter_context(processes()) if is_elsewhere else None
        with pytest.raises(EnvironmentRefusedError) as caught:
            list(check_wheels(wheels[:1], [system], executor=executor))
    (finding,) = caught.value.findings
    assert (finding.code.id, finding.subject) == ("WF520", "/usr/bin/python3.9")


def labels(wheel: Path, machine: str | None = None) -> list[str]:
    (found,) = check_wheels([wheel], None, machine=machine)
    assert all(target.verdict is not Verdict.FAILS for target in found.targets)
    return [target.system for target in found.targets]


def test_profiles_that_accept_the_tags(tmp_path: Path) -> None:
    def wheel(tags: str, suffix: str = GNU) -> Path:
        content = extension_module("m", libc="musl" if "musllinux" in tags else "glibc")
        return make_wheel(tmp_path, {"m" + suffix: content}, tags=tags)

    musl = labels(wheel(MUSL39))
    assert musl
    assert all("alpine" in name or "musl" in name for name in musl)
    glibc = labels(wheel("cp39-cp39-manylinux_2_17_x86_64"))
    assert glibc
    assert not {*glibc} & {*musl}
    # those of a machine are called by it, where their table is of another
    assert labels(wheel(MUSL39), machine="x86_64") == musl
    assert labels(wheel(MUSL39), machine="aarch64") == []
    assert labels(wheel("cp39-cp39-nonsense_1")) == []


def test_profiles_on_another_machine(tmp_path: Path) -> None:
    tags = "cp39-cp39-musllinux_1_1_aarch64"
    found = labels(make_wheel(tmp_path, {"p.py": ""}, tags=tags))
    assert any(name.endswith(" aarch64") for name in found)


@pytest.mark.parametrize(
    "tags",
    [
        "py3-none-any",
        "py3-none-any.manylinux_2_17_x86_64",
        "py3-none-macosx_10_9_x86_64.manylinux_2_17_x86_64.win_amd64",
    ],
)
def test_each_profile_is_there_once(tmp_path: Path, tags: str) -> None:
    found = labels(make_wheel(tmp_path, {"p.py": ""}, tags=tags))
    assert len(found) == len(set(found)) > 10


def test_a_short_form_and_a_machine() -> None:
    system = profile_system("alpine-3.14", "aarch64")
    assert system.name == "alpine-3.14 aarch64"
    assert system.target.machine == "aarch64"
    assert profile_system("alpine-3.14").name == "alpine-3.14"


@pytest.mark.parametrize(
    ("name", "codes"),
    [("alpine-3.14", ["WF306"]), ("alpine-3.22", []), ("docker-python-3.9-alpine", ["WF306"])],
)
def test_whether_a_short_form_applies_relr(tmp_path: Path, name: str, codes: list[str]) -> None:
    content = shared_object(symbols=["PyInit_m"], needed=["libc.so"], relr_words=[64])
    wheel = make_wheel(tmp_path, {"m.abi3.so": content}, tags="cp39-abi3-musllinux_1_1_x86_64")
    (found,) = check_wheels([wheel], [profile_system(name)])
    assert [each.code.id for each in found.all_findings] == codes
