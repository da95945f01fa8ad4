from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from support.target_maker import make_target
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.layout import SCHEMES, InstallOptions, environment_findings, folders_of
from wheelfix.planning import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wheelfix.targets import Target

#: the folders of make_target("cp39-musl") for a distribution "Ex"
OWN = {
    "purelib": "/usr/lib/python3.9/site-packages",
    "platlib": "/usr/lib/python3.9/site-packages",
    "headers": "/usr/include/python3.9/Ex",
    "scripts": "/usr/bin",
    "data": "/usr",
}
FLAT = {
    "purelib": "/srv/app",
    "platlib": "/srv/app",
    "headers": "/srv/app/include/python/Ex",
    "scripts": "/srv/app/bin",
    "data": "/srv/app",
}


@pytest.mark.parametrize(
    ("options", "folders"),
    [
        (InstallOptions(), OWN),
        # destdir is none of the target's affair
        (InstallOptions(destdir="/build"), OWN),
        (InstallOptions(flat_folder="/srv/app"), FLAT),
        (InstallOptions(flat_folder="/srv/other/../app/"), FLAT),
        (InstallOptions(folders={"scripts": "/opt/bin"}), {**OWN, "scripts": "/opt/bin"}),
        # as it is told: a folder of the caller's own gets no name of the distribution
        (InstallOptions(folders={"headers": "/opt/h"}), {**OWN, "headers": "/opt/h"}),
        (
            InstallOptions(flat_folder="/srv/app", folders={"data": "/srv/data/"}),
            {**FLAT, "data": "/srv/data"},
        ),
        (
            InstallOptions(folders={each: f"/{each}" for each in SCHEMES}),
            {s: f"/{s}" for s in SCHEMES},
        ),
    ],
)
def test_folders(options: InstallOptions, folders: Mapping[str, str]) -> None:
    assert folders_of([make_target()], options, "Ex") == folders


@pytest.mark.parametrize("options", [{"flat_folder": "app"}, {"folders": {"purelib": "app"}}])
def test_relative_folders_are_below_the_current_one(options: dict[str, str]) -> None:
    folders = folders_of([make_target()], InstallOptions(**options), "Ex")  # type: ignore[arg-type]
    assert folders["purelib"] == os.path.join(os.getcwd(), "app")


def test_targets_that_agree() -> None:
    both = [make_target("cp39-musl"), make_target("cp39-gnu")]
    assert folders_of(both, InstallOptions(), "Ex") == OWN


def test_targets_that_disagree() -> None:
    both = [make_target("cp39-musl"), make_target("cp311-musl")]
    with pytest.raises(EnvironmentRefusedError) as caught:
        folders_of(both, InstallOptions(), "Ex")
    assert str(caught.value) == (
        "WF508 /usr/bin/python3.11: its purelib is /usr/lib/python3.11/site-packages, "
        "that of /usr/bin/python3.9 is /usr/lib/python3.9/site-packages"
    )
    assert folders_of(both, InstallOptions(flat_folder="/srv/app"), "Ex") == FLAT


def target_of(stdlib: Path, prefix: str = "/usr") -> Target:
    paths = {**make_target().paths, "stdlib": str(stdlib)}
    return make_target(paths=paths, prefix=prefix)


MARKER = "[externally-managed]\nError=Use the package manager.\n"


@pytest.mark.parametrize(
    ("marker", "prefix", "options", "refused"),
    [
        (MARKER, "/usr", InstallOptions(), True),
        (None, "/usr", InstallOptions(), False),
        (MARKER, "/home/venv", InstallOptions(), False),
        (MARKER, "/usr", InstallOptions(outside_environment=True), False),
    ],
    ids=["managed", "free", "virtual environment", "outside"],
)
def test_externally_managed(
    tmp_path: Path, marker: str | None, prefix: str, options: InstallOptions, *, refused: bool
) -> None:
    if marker is not None:
        (tmp_path / "EXTERNALLY-MANAGED").write_text(marker)
    targets = [target_of(tmp_path / "free"), target_of(tmp_path, prefix)]
    if not refused:
        assert environment_findings(targets, Policy(), options) == ()
        return
    with pytest.raises(EnvironmentRefusedError) as caught:
        environment_findings(targets, Policy(), options)
    assert str(caught.value) == "WF504 /usr/bin/python3.9: Use the package manager."
    assert "virtual environment" in str(caught.value.code.next_step)


def test_externally_managed_and_allowed(tmp_path: Path) -> None:
    (tmp_path / "EXTERNALLY-MANAGED").write_text(MARKER)
    policy = Policy(allow=frozenset({"WF504"}))
    (finding,) = environment_findings([target_of(tmp_path)], policy, InstallOptions())
    assert finding.allowed
    assert finding.code.id == "WF504"
