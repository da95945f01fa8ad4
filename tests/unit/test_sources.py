"""A wheel's members under the names that the targets import, under installer's own install()."""

from __future__ import annotations

import csv
import os
import stat
import sys
import warnings
import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO

import installer
import pytest
from installer.destinations import SchemeDictionaryDestination
from installer.exceptions import InvalidWheelSource
from installer.records import RecordEntry, parse_record_file
from installer.sources import WheelFile, WheelSource

from support.elf_maker import AARCH64, X86_64, extension_module, shared_object
from support.target_maker import make_target
from support.wheel_maker import make_wheel, record_hash
from wheelfix import codes
from wheelfix._evidence import member_with_head
from wheelfix.archive import WheelArchive
from wheelfix.errors import InvalidWheelError, WheelRefusedError
from wheelfix.installing import plan_wheel
from wheelfix.planning import Action, Decision, Member, Plan, Policy, Repair
from wheelfix.sources import RepairedSource, plan_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from installer.utils import Scheme

    from wheelfix.targets import Target

GNU, MUSL = ".cpython-39-x86_64-linux-gnu.so", ".cpython-39-x86_64-linux-musl.so"
TAGS = "cp39-cp39-musllinux_1_2_x86_64"
INFO, DATA = "example-1.0.dist-info", "example-1.0.data"
MODULE = extension_module("_x", X86_64, libc="musl")


class FolderSource(WheelSource):
    """A wheel that lies unpacked in a folder, as in PDM's cache; remembers which streams it gave out."""

    def __init__(self, wheel: Path, folder: Path, *, wheel_text: str | None = None) -> None:
        super().__init__("example", "1.0")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
            self.paths = archive.namelist()
        self.folder = folder
        self.streams: list[BinaryIO] = []
        self.calls = 0
        self.was_validated = False
        if wheel_text is not None:
            (folder / INFO / "WHEEL").write_text(wheel_text)

    @property
    def dist_info_dir(self) -> str:
        return INFO

    @property
    def dist_info_filenames(self) -> list[str]:
        return os.listdir(self.folder / INFO)

    def read_dist_info(self, filename: str) -> str:
        return (self.folder / INFO / filename).read_text("utf-8")

    def validate_record(self) -> None:
        self.was_validated = True

    def get_contents(self) -> Iterator[tuple[tuple[str, str, str], BinaryIO, bool]]:
        self.calls += 1
        rows = {
            row[0]: row for row in parse_record_file(self.read_dist_info("RECORD").splitlines())
        }
        for path in self.paths:
            with (self.folder / path).open("rb") as stream:
                self.streams.append(stream)
                yield rows[path], stream, False


def destination(folder: Path) -> SchemeDictionaryDestination:
    schemes = ("purelib", "platlib", "headers", "scripts", "data")
    return SchemeDictionaryDestination(
        {scheme: str(folder / ("lib" if scheme.endswith("lib") else scheme)) for scheme in schemes},
        interpreter=sys.executable,
        script_kind="posix",
    )


def installed(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def record(folder: Path) -> dict[str, tuple[str, str]]:
    with (folder / "lib" / INFO / "RECORD").open(newline="") as stream:
        return {path: (hash_, size) for path, hash_, size in csv.reader(stream)}


def install(
    wheel: Path, folder: Path, *targets: Target, policy: Policy | None = None
) -> RepairedSource:
    with WheelArchive.open(wheel) as archive:
        source = RepairedSource(archive, targets, policy)
        installer.install(source, destination(folder), {"INSTALLER": b"test\n"})
    return source


def module_wheel(folder: Path, **arguments: Any) -> Path:
    files = {"pkg/__init__.py": "", f"pkg/_x{GNU}": MODULE, **arguments.pop("files", {})}
    return make_wheel(folder, files, tags=TAGS, **arguments)


METADATA = {f"lib/{INFO}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "INSTALLER")}

# --- what is installed


def test_a_renamed_module(tmp_path: Path) -> None:
    out = tmp_path / "out"
    source = install(module_wheel(tmp_path), out, make_target("cp39-musl"))
    assert installed(out) == {"lib/pkg/__init__.py", f"lib/pkg/_x{MUSL}", *METADATA}
    assert (out / f"lib/pkg/_x{MUSL}").read_bytes() == MODULE
    rows = record(out)
    assert rows[f"pkg/_x{MUSL}"] == (record_hash(MODULE), str(len(MODULE)))
    assert f"pkg/_x{GNU}" not in rows
    (change,) = source.plan.changes
    assert (change.action, change.path, change.new_path) == (
        Action.RENAME,
        f"pkg/_x{GNU}",
        f"pkg/_x{MUSL}",
    )


def test_a_module_under_two_names(tmp_path: Path) -> None:
    out = tmp_path / "out"
    policy = Policy(repair=Repair.DUPLICATE)
    install(module_wheel(tmp_path), out, make_target("cp39-musl"), policy=policy)
    assert installed(out) == {
        "lib/pkg/__init__.py",
        f"lib/pkg/_x{GNU}",
        f"lib/pkg/_x{MUSL}",
        *METADATA,
    }
    rows = record(out)
    for suffix in (GNU, MUSL):
        assert (out / f"lib/pkg/_x{suffix}").read_bytes() == MODULE
        assert rows[f"pkg/_x{suffix}"] == (record_hash(MODULE), str(len(MODULE)))


@pytest.mark.parametrize("name", ["cp39-gnu", "cp39-musl-fallback"])
def test_a_name_that_loads_is_kept(tmp_path: Path, name: str) -> None:
    wheel, out, plain = module_wheel(tmp_path), tmp_path / "out", tmp_path / "plain"
    source = install(wheel, out, make_target(name))
    assert not source.plan.decisions
    with WheelFile.open(wheel) as theirs:
        installer.install(theirs, destination(plain), {"INSTALLER": b"test\n"})
    assert installed(out) == installed(plain)
    for path in installed(out):
        assert (out / path).read_bytes() == (plain / path).read_bytes()


def test_one_name_for_two_targets(tmp_path: Path) -> None:
    out = tmp_path / "out"
    install(module_wheel(tmp_path), out, make_target("cp39-musl"), make_target("cp39-gnu"))
    assert "lib/pkg/_x.so" in installed(out)


def test_the_mode_goes_with_the_new_name(tmp_path: Path) -> None:
    out = tmp_path / "out"
    wheel = module_wheel(tmp_path, executable=[f"pkg/_x{GNU}"])
    install(wheel, out, make_target("cp39-musl"))
    assert (out / f"lib/pkg/_x{MUSL}").stat().st_mode & stat.S_IXUSR


def test_what_only_installers_write_is_left_out(tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = {f"{INFO}/INSTALLER": "the wheel\n", f"{INFO}/REQUESTED": ""}
    install(module_wheel(tmp_path, files=files), out, make_target("cp39-musl"))
    assert (out / "lib" / INFO / "INSTALLER").read_bytes() == b"test\n"
    assert not (out / "lib" / INFO / "REQUESTED").exists()


def test_each_file_of_pycache_is_told_once(tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = {f"pkg/__pycache__/{name}.cpython-39.pyc": "" for name in ("a", "b")}
    # a file of that name is no such folder
    wheel = module_wheel(tmp_path, files={**files, "data/__pycache__": ""})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        install(wheel, out, make_target("cp39-musl"))
    assert [each.category for each in caught] == [RuntimeWarning, RuntimeWarning]
    assert [str(each.message) for each in caught] == [
        f"Skip installing {path} from example: {codes.BYTECODE_SKIPPED.reason}." for path in files
    ]
    assert not any("/__pycache__/" in path for path in installed(out))
    assert "lib/data/__pycache__" in installed(out)


# --- what is refused, and when


class UntouchableDestination(SchemeDictionaryDestination):
    """Fails when anything is written."""

    def write_script(self, *arguments: object, **_more: object) -> RecordEntry:
        raise AssertionError(f"written: {arguments}")

    write_file = write_script


def test_a_wrong_binary_is_refused_at_once(tmp_path: Path) -> None:
    files = {f"pkg/_y{GNU}": extension_module("_y", AARCH64, libc="musl")}
    with WheelArchive.open(module_wheel(tmp_path, files=files)) as archive:
        with pytest.raises(WheelRefusedError) as caught:
            RepairedSource(archive, [make_target("cp39-musl")])
        (finding,) = caught.value.findings
    assert (finding.code, finding.subject) == (codes.WRONG_MACHINE, f"pkg/_y{GNU}")


def test_tags_that_do_not_fit(tmp_path: Path) -> None:
    wheel = module_wheel(tmp_path)
    with WheelArchive.open(wheel) as archive, pytest.raises(WheelRefusedError, match="WF503"):
        RepairedSource(archive, [make_target("cp311-musl")])


@pytest.mark.parametrize("folder", ["", f"{DATA}/purelib/", f"{DATA}/platlib/"])
def test_a_name_that_another_file_has(tmp_path: Path, folder: str) -> None:
    # it is no module that would load
    wheel = module_wheel(tmp_path, files={f"{folder}pkg/_x{MUSL}": "text"})
    with WheelArchive.open(wheel) as archive, pytest.raises(WheelRefusedError, match="WF105"):
        RepairedSource(archive, [make_target("cp39-musl")])


ENTRY_POINT = "[console_scripts]\nrun = pkg:main\n"


@pytest.mark.parametrize(
    ("files", "entry_points", "subject", "sentence"),
    [
        (
            {f"{DATA}/purelib/pkg/__init__.py": ""},
            None,
            f"{DATA}/purelib/pkg/__init__.py",
            "it would be written to the same file as pkg/__init__.py",
        ),
        (
            {f"{DATA}/purelib/{INFO}/RECORD": ""},
            None,
            f"{INFO}/RECORD",
            f"it would be written to the same file as {DATA}/purelib/{INFO}/RECORD",
        ),
        (
            {f"{DATA}/purelib/a.py": "", f"{DATA}/platlib/a.py": ""},
            None,
            f"{DATA}/platlib/a.py",
            f"it would be written to the same file as {DATA}/purelib/a.py",
        ),
    ],
)
@pytest.mark.parametrize("is_archive", [True, False])
def test_two_files_in_one_place(
    tmp_path: Path,
    files: dict[str, str],
    entry_points: str | None,
    subject: str,
    sentence: str,
    *,
    is_archive: bool,
) -> None:
    wheel = module_wheel(tmp_path, files=files, entry_points=entry_points)
    targets = [make_target("cp39-musl")]
    with WheelArchive.open(wheel) as archive:
        source = archive if is_archive else FolderSource(wheel, tmp_path / "cache")
        with pytest.raises(WheelRefusedError) as caught:
            installer.install(
                RepairedSource(source, targets), UntouchableDestination({}, "", "posix"), {}
            )
    (finding,) = caught.value.findings
    assert (finding.code, finding.subject) == (codes.DUPLICATE_MEMBER, subject)
    assert finding.sentence == sentence


@pytest.mark.parametrize("script", ["run", "run.exe", "run-script.py", "run.pya", "RUN-Script.py"])
@pytest.mark.parametrize("is_archive", [True, False])
def test_an_entry_point_wins_over_a_script(
    tmp_path: Path, script: str, *, is_archive: bool
) -> None:
    path = f"{DATA}/scripts/{script}"
    wheel = module_wheel(tmp_path, files={path: "#!python\n"}, entry_points=ENTRY_POINT)
    with WheelArchive.open(wheel) as archive:
        source = archive if is_archive else FolderSource(wheel, tmp_path / "cache")
        plan = RepairedSource(source, [make_target("cp39-musl")]).plan
    has_its_name = script.startswith("run")
    assert plan.paths_of(path) == (() if has_its_name else (path,))
    assert [finding.code for finding in plan.warnings] == [codes.SCRIPT_LEFT_OUT] * has_its_name


def test_for_no_target_there_is_nothing_to_plan(tmp_path: Path) -> None:
    with (
        WheelArchive.open(module_wheel(tmp_path)) as archive,
        pytest.raises(ValueError, match="one target or more"),
    ):
        RepairedSource(archive, [])


@pytest.mark.parametrize(
    ("files", "entry_points"),
    [
        ({f"{DATA}/purelib/other.py": "", f"{DATA}/data/pkg/__init__.py": ""}, None),
        ({f"{DATA}/scripts/run": "#!python\n"}, ENTRY_POINT.replace("run", "walk")),
        ({}, ENTRY_POINT),
        ({"run": ""}, ENTRY_POINT),
    ],
)
def test_the_same_name_in_another_place(
    tmp_path: Path, files: dict[str, str], entry_points: str | None
) -> None:
    out = tmp_path / "out"
    wheel = module_wheel(tmp_path, files=files, entry_points=entry_points)
    install(wheel, out, make_target("cp39-musl"))
    assert f"lib/pkg/_x{MUSL}" in installed(out)


def test_purelib_and_platlib_may_be_two_folders(tmp_path: Path) -> None:
    wheel = module_wheel(tmp_path, files={f"{DATA}/purelib/pkg/__init__.py": ""})
    one, two = (
        make_target("cp39-musl", paths={"purelib": "/usr/lib/x", "platlib": platlib})
        for platlib in ("/usr/lib/x", "/usr/lib64/x")
    )
    assert not plan_wheel(wheel, [two]).refusals
    (finding,) = plan_wheel(wheel, [two, one]).refusals
    assert finding.code is codes.DUPLICATE_MEMBER


def test_a_plan_that_was_made_before(tmp_path: Path) -> None:
    wheel = module_wheel(tmp_path)
    target = make_target("cp39-musl")
    with WheelArchive.open(wheel) as archive:
        decision = Decision(f"pkg/_x{GNU}", Action.RENAME, "pkg/_x.other.so")
        source = RepairedSource(archive, [target], plan=Plan(wheel.name, (decision,)))
        paths = [row[0] for row, _, _ in source.get_contents()]
        assert "pkg/_x.other.so" in paths
        finding = codes.Finding(codes.WRONG_LIBC, "x", "no")
        with pytest.raises(WheelRefusedError, match="WF202 x: no"):
            RepairedSource(archive, [target], plan=Plan(wheel.name, findings=(finding,)))


def test_findings_of_the_archive_are_in_the_plan(tmp_path: Path) -> None:
    wheel = module_wheel(tmp_path, wheel_fields={"Wheel-Version": "1.1"})
    plan = plan_wheel(wheel, [make_target("cp39-gnu")])
    assert [finding.code for finding in plan.all_findings] == [codes.NEWER_WHEEL_VERSION]


# --- any other source


def test_the_face_is_that_of_the_wrapped_source(tmp_path: Path) -> None:
    folder = FolderSource(module_wheel(tmp_path), tmp_path / "cache")
    source = RepairedSource(folder, [make_target("cp39-musl")])
    assert (source.distribution, source.version) == ("example", "1.0")
    assert (source.dist_info_dir, source.data_dir) == (INFO, DATA)
    assert source.dist_info_filenames == folder.dist_info_filenames
    assert source.read_dist_info("WHEEL") == folder.read_dist_info("WHEEL")
    assert source.validation_error is folder.validation_error
    source.validate_record()
    assert folder.was_validated


def test_streams_are_passed_through(tmp_path: Path) -> None:
    folder = FolderSource(module_wheel(tmp_path), tmp_path / "cache")
    source = RepairedSource(folder, [make_target("cp39-musl")], Policy(repair=Repair.DUPLICATE))
    folder.streams.clear()
    given: list[tuple[str, BinaryIO]] = []
    for (path, _, _), stream, _ in source.get_contents():
        assert stream is folder.streams[-1]
        assert stream.tell() == 0
        given.append((path, stream))
        stream.read()
    ours = [stream for path, stream in given if path.startswith("pkg/_x")]
    # one stream for both names
    assert len(ours) == 2
    assert ours[0] is ours[1]
    assert [path for path, _ in given].count(f"pkg/_x{MUSL}") == 1


class LinkingDestination(SchemeDictionaryDestination):
    """Links the files of a cache, as PDM does."""

    def write_file(
        self,
        scheme: Scheme,
        path: str | os.PathLike[str],
        stream: BinaryIO,
        is_executable: bool,  # noqa: FBT001 - installer's signature
    ) -> RecordEntry:
        target = os.path.join(self.scheme_dict[scheme], path)
        name = getattr(stream, "name", None)
        if name is None:
            return super().write_file(scheme, path, stream, is_executable)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.link(name, target)
        return RecordEntry(os.fspath(path), None, None)


@pytest.mark.parametrize("repair", [Repair.RENAME, Repair.DUPLICATE])
def test_a_destination_that_links_by_the_streams_name(tmp_path: Path, repair: Repair) -> None:
    wheel, cache, out = module_wheel(tmp_path), tmp_path / "cache", tmp_path / "out"
    source = RepairedSource(
        FolderSource(wheel, cache), [make_target("cp39-musl")], Policy(repair=repair)
    )
    schemes = destination(out).scheme_dict
    installer.install(
        source, LinkingDestination(schemes, sys.executable, "posix"), {"INSTALLER": b"pdm"}
    )
    assert os.path.samefile(out / f"lib/pkg/_x{MUSL}", cache / f"pkg/_x{GNU}")
    assert (out / f"lib/pkg/_x{GNU}").exists() == (repair is Repair.DUPLICATE)


def test_only_files_in_doubt_are_read_again(tmp_path: Path) -> None:
    folder = FolderSource(module_wheel(tmp_path), tmp_path / "cache")
    # one look at the first bytes of all
    plan_source(folder, [make_target("cp39-gnu")], Policy())
    assert folder.calls == 1
    folder.calls = 0
    # ... then at the modules, then at .pth files
    plan_source(folder, [make_target("cp39-musl")], Policy())
    assert folder.calls == 3


def test_tags_are_the_resolvers_affair(tmp_path: Path) -> None:
    folder = FolderSource(module_wheel(tmp_path), tmp_path / "cache")
    plan = plan_source(folder, [make_target("cp39-gnu", tags=())], Policy())
    assert plan == Plan("example 1.0")


WHEEL_TEXT = "Wheel-Version: 1.0\nRoot-Is-Purelib: {}\n{}"


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ("Tag: cp39-cp39\n", "no interpreter, ABI and platform tag"),
        ("Tag: \n", "no interpreter, ABI and platform tag"),
        ("Tag: py3-none-any\nTag: nonsense\n", "no interpreter, ABI and platform tag"),
        (f"Tag: {'.a' * 500}-{'.a' * 500}-any\n", "a Tag in the WHEEL file is too long"),
    ],
)
def test_bad_tags_of_any_other_source(tmp_path: Path, tags: str, sentence: str) -> None:
    text = WHEEL_TEXT.format("true", tags)
    folder = FolderSource(module_wheel(tmp_path), tmp_path / "cache", wheel_text=text)
    with pytest.raises(InvalidWheelSource) as caught:
        RepairedSource(folder, [make_target("cp39-musl")])
    assert isinstance(caught.value, InvalidWheelError)
    (finding,) = caught.value.findings
    assert (finding.code, finding.subject) == (codes.BAD_WHEEL_METADATA, "example 1.0")
    assert sentence in finding.sentence


@pytest.mark.parametrize("root_is_purelib", ["true", "false"])
def test_without_tags_the_file_decides(tmp_path: Path, root_is_purelib: str) -> None:
    text = WHEEL_TEXT.format(root_is_purelib, "")
    folder = FolderSource(module_wheel(tmp_path), tmp_path / "cache", wheel_text=text)
    source = RepairedSource(folder, [make_target("cp39-musl")])
    assert [change.new_path for change in source.plan.changes] == [f"pkg/_x{MUSL}"]


# --- what files are


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", None),
        (b"text", None),
        (b"MZ\x90\0", "pe"),
        (b"\xfe\xed\xfa\xce", "mach-o"),
        (b"\xfe\xed\xfa\xcf", "mach-o"),
        (b"\xce\xfa\xed\xfe", "mach-o"),
        (b"\xcf\xfa\xed\xfe\x07", "mach-o"),
        (b"\xca\xfe\xba\xbe", "mach-o"),
        (b"\0asm\1\0\0\0", "wasm"),
        (b"\x7fELF", "elf"),
        (b"\x7fEL", None),
    ],
)
def test_binary_format(head: bytes, expected: str | None) -> None:
    assert member_with_head(Member("a.so", "platlib", "a.so"), head).binary_format == expected


@pytest.mark.parametrize(
    "content", [b"MZ\x90\0", b"\xcf\xfa\xed\xfe", b"\0asm\1\0\0\0", b"text", b""]
)
def test_other_binaries_are_kept(tmp_path: Path, content: bytes) -> None:
    wheel = make_wheel(tmp_path, {f"pkg/_x{GNU}": content}, tags="py3-none-any")
    assert plan_wheel(wheel, [make_target("cp39-musl")]) == Plan(wheel.name)


@pytest.mark.parametrize("is_archive", [True, False])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x7fELF", "its header is cut off or damaged"),
        # its header is good, what follows is not
        (MODULE[:200], "it ends before byte"),
    ],
)
def test_a_malformed_module_is_kept_with_a_warning(
    tmp_path: Path, content: bytes, sentence: str, *, is_archive: bool
) -> None:
    wheel = make_wheel(tmp_path, {f"_x{GNU}": content}, tags=TAGS)
    with WheelArchive.open(wheel) as archive:
        source = archive if is_archive else FolderSource(wheel, tmp_path / "cache")
        plan = plan_source(source, [make_target("cp39-musl")], Policy())
    (decision,) = plan.decisions
    (finding,) = decision.findings
    assert (decision.action, finding.code) == (Action.KEEP, codes.MALFORMED_ELF)
    assert finding.sentence.startswith(sentence)


def test_a_large_module_goes_through_a_temporary_file(tmp_path: Path) -> None:
    content = MODULE + b"\0" * 9 * 1024 * 1024
    wheel = make_wheel(tmp_path, {f"_x{GNU}": content}, tags=TAGS)
    plan = plan_wheel(wheel, [make_target("cp39-musl")])
    assert [change.new_path for change in plan.changes] == [f"_x{MUSL}"]


def test_the_module_of_a_package_is_called_like_its_folder(tmp_path: Path) -> None:
    files = {f"pkg/__init__{GNU}": extension_module("pkg", libc="musl")}
    plan = plan_wheel(make_wheel(tmp_path, files, tags=TAGS), [make_target("cp39-musl")])
    assert [change.new_path for change in plan.changes] == [f"pkg/__init__{MUSL}"]


def test_source_files_are_not_looked_at(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"a.py": shared_object(AARCH64)})
    assert plan_wheel(wheel, [make_target("cp39-musl")]) == Plan(wheel.name)


# --- .pth files

PREFIX = "example.packages/inner-one"


@pytest.mark.parametrize(
    ("path", "text", "is_reachable"),
    [
        ("a.pth", f"{PREFIX}\n", True),
        ("a.pth", f"# comment\n\nimport os\nimport\tos\n{PREFIX}/\r\n", True),
        ("a.pth", f"\ufeff\xe4\n{PREFIX}", True),
        ("a.pth", "", False),
        ("a.pth", f"# {PREFIX}\n", False),
        ("a.pth", f"import {PREFIX}\n", False),
        # an absolute path is not one of the wheel
        ("a.pth", f"/{PREFIX}\n", False),
        ("a.pth", "example.packages\n", False),
        # site looks at the top only
        ("pkg/a.pth", f"{PREFIX}\n", False),
        ("a.txt", f"{PREFIX}\n", False),
        (f"{DATA}/platlib/a.pth", f"{PREFIX}\n", True),
        (f"{DATA}/data/a.pth", f"{PREFIX}\n", False),
    ],
)
@pytest.mark.parametrize("is_archive", [True, False])
def test_a_path_file_makes_modules_reachable(
    tmp_path: Path, path: str, text: str, *, is_reachable: bool, is_archive: bool
) -> None:
    files: dict[str, bytes | str] = {path: text, f"{PREFIX}/eigen/_x{GNU}": MODULE}
    wheel = make_wheel(tmp_path, files, tags=TAGS)
    with WheelArchive.open(wheel) as archive:
        source = archive if is_archive else FolderSource(wheel, tmp_path / "cache")
        plan = plan_source(source, [make_target("cp39-musl")], Policy())
    (decision,) = plan.decisions
    expected = (
        (Action.DUPLICATE, f"{PREFIX}/eigen/_x{MUSL}") if is_reachable else (Action.KEEP, None)
    )
    assert (decision.action, decision.new_path) == expected
