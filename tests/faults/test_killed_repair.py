"""Whatever call a repair is killed at: each new file is whole, or not there; and the next repair writes them all."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from support.elf_maker import extension_module
from support.killing import killed_at, undisturbed
from support.target_maker import make_target
from support.wheel_maker import make_wheel
from wheelfix.rewriting import repair_wheels

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.faults

MUSL = [make_target("cp39-musl", executable=None)]
FILES = {"pkg/mod.cpython-39-x86_64-linux-gnu.so": extension_module("mod", libc="musl")}


@pytest.mark.usefixtures("_killing")
def test_killed_at_every_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    new = tmp_path / "new"
    olds = [
        make_wheel(tmp_path, FILES, name=name, tags="cp39-cp39-musllinux_1_1_x86_64")
        for name in ("first", "second")
    ]

    def repair() -> object:
        return repair_wheels(olds, new, MUSL)

    repair()
    whole = [(new / old.name).read_bytes() for old in olds]
    (new / olds[0].name).write_bytes(b"an older one")
    (new / olds[1].name).unlink()
    calls = undisturbed(repair).calls
    seen = set()
    for number in itertools.count(1):
        (new / olds[0].name).write_bytes(b"an older one")
        (new / olds[1].name).unlink()
        run = killed_at(number, repair)
        if not run.was_killed:
            break
        first, second = (new / old.name for old in olds)
        state = (
            first.read_bytes() == whole[0] or first.read_bytes(),
            second.exists() and (second.read_bytes() == whole[1] or second.read_bytes()),
        )
        assert state in {(b"an older one", False), (True, False), (True, True)}, run.calls[-1]
        seen.add(state)
        others = {*os.listdir(new)} - {old.name for old in olds}
        assert all(name.startswith(".wheelfix-") for name in others)
        repair()
        assert [(new / old.name).read_bytes() for old in olds] == whole
    assert number == len(calls) + 1
    assert len(seen) == 3
