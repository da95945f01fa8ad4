from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from support.target_maker import make_target
from wheelfix.check_reports import (
    Checked,
    Counts,
    Selection,
    check_to_json,
    count,
    github_lines,
    text_lines,
)
from wheelfix.check_reports._names import cut, listed
from wheelfix.checking import CheckedModule, CheckedTarget, CheckedWheel, System, Verdict
from wheelfix.codes import TAGS_DO_NOT_FIT as NO_FIT
from wheelfix.codes import Code, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

#: codes of the tests' own: what the sentences of the real ones are is not reports' affair
ERROR = Code("WF901", Severity.ERROR, "an error's reason", "Do this.")
OTHER_ERROR = Code("WF902", Severity.ERROR, "another error's reason")
WARNING = Code("WF911", Severity.WARNING, "a warning's reason", "Try that.")
NOTE = Code("WF921", Severity.NOTE, "a note's reason")

RENAMED = "renamed: `wheelfix install` does it; where pip or uv installs the wheel, these modules are not found"
STEP = "  Do this. More: wheelfix explain WF901"
OTHER_STEP = "  More: wheelfix explain WF902"
GET_FITTING = (
    "Get a wheel whose tags fit; `wheelfix target --format json` lists those accepted. "
    "More: wheelfix explain WF503"
)
ONLY_FITTING = f"  To leave such pairs out: --ignore WF503. {GET_FITTING}"


def found(code: Code, subject: str = "m.so", sentence: str = "the matter") -> Finding:
    return Finding(code, subject, sentence)


def module(
    *findings: Finding,
    new_path: str | None = None,
    is_found: bool = True,
    instead: str | None = None,
) -> CheckedModule:
    return CheckedModule("m.so", new_path, is_found, None, instead, ("PyInit_m",), findings)


def target(name: str, *modules: CheckedModule, findings: Sequence[Finding] = ()) -> CheckedTarget:
    return CheckedTarget(name, tuple(findings), modules)


def wheel(
    *targets: CheckedTarget, name: str = "x.whl", findings: Sequence[Finding] = ()
) -> Checked:
    return Checked.of(CheckedWheel(name, tuple(findings), targets), f"dist/{name}")


def no_fit(name: str) -> CheckedTarget:
    return target(name, findings=[found(NO_FIT, "x.whl", "its tags are others")])


def lines(*checked: Checked, width: int | None = None) -> list[str]:
    return list(text_lines(checked, width))


# --- names


@pytest.mark.parametrize(
    ("names", "shown", "text"),
    [
        ([], None, ""),
        (["a"], None, "a"),
        (["a-3.1-x", "a-3.2-x", "a-3.10-x"], None, "a-3.{1,2,10}-x"),
        # another number, or two of them
        (["a-3.1", "a-3.2", "a-4.2"], None, "a-3.{1,2}, a-4.2"),
        (["a-3.1", "a-4.2"], None, "a-3.1, a-4.2"),
        # what differs is no number
        (["a-1-x", "a-1-y"], None, "a-1-x, a-1-y"),
        (["a-1", "a-1-2"], None, "a-1, a-1-2"),
        (["a", "b", "c"], 2, "a, b, c"),
        (["a", "b1", "b2", "c", "d1", "d2"], 2, "a, b{1,2} and 3 more"),
    ],
)
def test_lists_of_names(names: list[str], shown: int | None, text: str) -> None:
    assert listed(names, shown) == text


@pytest.mark.parametrize(
    ("width", "name"), [(26, "abcdefghijklmnopqrstuvwxyz"), (16, "abcdefghi...wxyz")]
)
def test_long_names_are_cut_in_the_middle(width: int, name: str) -> None:
    assert cut("abcdefghijklmnopqrstuvwxyz", width) == name
    assert len(name) == width


# --- one wheel, one target


@pytest.mark.parametrize(
    ("checked_target", "words"),
    [
        (target("t"), "imports, no modules"),
        (target("t", module()), "imports, 1 module"),
        (target("t", module(), module()), "imports, 2 modules"),
        (target("t", module(new_path="n.so"), module()), "imports, 1 of 2 modules renamed"),
        (target("t", module(found(ERROR)), module()), "fails, 1 of 2 modules"),
        (target("t", module(), findings=[found(ERROR)]), "fails"),
        (target("t", module(found(WARNING))), "warnings (WF911)"),
        (target("t", module(found(WARNING), is_found=False)), "1 of 1 module not found"),
        (target("t", module(is_found=False, instead="m.py")), "imports, 1 module"),
        (no_fit("t"), "its tags don't fit"),
    ],
)
def test_the_headline_tells_the_verdict(checked_target: CheckedTarget, words: str) -> None:
    assert lines(wheel(checked_target))[0] == f"x.whl on t: {words}"


def test_what_holds_on_every_target_counts() -> None:
    assert lines(wheel(target("t", module()), findings=[found(ERROR, "x.whl")])) == [
        "x.whl on t: fails",
        "error: WF901 x.whl: the matter",
        STEP,
    ]


def test_findings_of_one_target() -> None:
    seen = found(ERROR, sentence='it is so; you would see: "bad: symbol"')
    many = [found(NOTE, f"{number}.so") for number in range(7)]
    checked = wheel(
        target("t", module(*many, new_path="n.so"), module(found(WARNING)), module(seen))
    )
    assert lines(checked) == [
        "x.whl on t: fails, 1 of 3 modules",
        "error: WF901 m.so: it is so",
        '    you would see: "bad: symbol"',
        STEP,
        "warning: WF911 m.so: the matter",
        "  Try that. More: wheelfix explain WF911",
        *(f"note: WF921 {number}.so: the matter" for number in range(5)),
        "  and 2 more with WF921; --format json tells all",
    ]


def test_what_is_allowed_is_no_error() -> None:
    checked = wheel(target("t", module(found(ERROR)._replace(allowed=True))))
    assert lines(checked)[:2] == [
        "x.whl on t: imports, 1 module",
        "allowed: WF901 m.so: the matter",
    ]
    assert count([checked]) == Counts(0, 0)


def test_who_renames_is_told() -> None:
    assert lines(wheel(target("t", module(found(NOTE), new_path="n.so")))) == [
        "x.whl on t: imports, 1 of 1 module renamed",
        "note: WF921 m.so: the matter",
        RENAMED,
    ]


def test_a_broken_wheel() -> None:
    assert lines(wheel(findings=[found(ERROR, "x.whl", "no zip")])) == [
        "x.whl: broken",
        "error: WF901 x.whl: no zip",
        STEP,
    ]


def test_a_broken_wheel_stays_broken_when_nobody_wants_to_hear_why() -> None:
    broken = wheel(findings=[found(ERROR, "x.whl", "no zip")])
    left = broken._replace(wheel=Selection(ignore=("WF9",)).of(broken.wheel))
    assert lines(left) == ["x.whl: broken"]


def test_a_wheel_that_fits_nothing() -> None:
    assert lines(wheel()) == ["x.whl: fits no target"]


def test_on_a_terminal_long_lines_are_wrapped_between_words() -> None:
    checked = wheel(target("t", module(found(ERROR, "package/some-long-name.so", "word " * 9))))
    assert lines(checked, width=44) == [
        "x.whl on t: fails, 1 of 1 module",
        "error: WF901 package/some-long-name.so: word",
        "    word word word word word word word word",
        "  Do this. More: wheelfix explain WF901",
    ]
    # one that says that it has no columns
    assert lines(checked, width=0) == lines(checked, width=40)


# --- one wheel, several targets


def test_targets_are_grouped_by_verdict() -> None:
    checked = wheel(
        target("alpine-3.1", module(found(ERROR))),
        target("debian", module(found(WARNING))),
        target("alpine-3.2", module(found(ERROR))),
        target("any", module()),
        no_fit("windows"),
        target("odd", module(found(ERROR), found(OTHER_ERROR))),
        target("musl", module(new_path="n.so")),
    )
    assert lines(checked) == [
        "x.whl",
        "  ok on 1: any",
        "  renamed on 1: musl",
        "  warnings on 1 (WF911): debian",
        "  fails on 2 (WF901): alpine-3.{1,2}",
        "  fails on 1 (WF901, WF902): odd",
        "  doesn't fit 1 (WF503): windows",
        "",
        "error: WF503 x.whl: its tags are others",
        "    on windows",
        f"  {GET_FITTING}",
        "error: WF901 m.so: the matter",
        "    on alpine-3.{1,2}, odd",
        STEP,
        "error: WF902 m.so: the matter",
        "    on odd",
        OTHER_STEP,
        "warning: WF911 m.so: the matter",
        "    on debian",
        "  Try that. More: wheelfix explain WF911",
        RENAMED,
    ]


def test_of_many_good_targets_the_first_are_named_and_of_bad_ones_all() -> None:
    letters = "abcdefghijklmnop"
    assert lines(wheel(*(target(letter) for letter in letters))) == [
        "x.whl",
        f"  ok on 16: {', '.join(letters[:12])} and 4 more",
    ]
    bad = lines(wheel(*(target(letter, module(found(ERROR))) for letter in letters)))
    assert bad[1] == f"  fails on 16 (WF901): {', '.join(letters)}"
    assert bad[4] == "    on all 16"


def test_what_differs_in_the_loaders_words_is_told_once() -> None:
    def seen(path: str) -> Finding:
        return found(ERROR, sentence=f'bad; you would see: "{path}: bad"')

    checked = wheel(target("a", module(seen("/a"))), target("b", module(seen("/b"))))
    assert lines(checked)[3:6] == [
        "error: WF901 m.so: bad",
        '    you would see: "/a: bad"',
        "    on all 2",
    ]
    assert count([checked]) == Counts(1, 0)


def test_what_differs_in_its_sentence_is_told_once_too() -> None:
    checked = wheel(
        *(target(f"t{n}", module(found(ERROR, sentence=f"needs {n}"))) for n in range(1, 4))
    )
    assert lines(checked)[3:5] == [
        "error: WF901 m.so: needs 1",
        "    on t1; for a like reason on t{2,3}",
    ]
    assert count([checked]) == Counts(1, 0)


def test_two_sentences_on_one_target_are_two_findings() -> None:
    both = [found(ERROR, sentence="needs 1"), found(ERROR, sentence="needs 2")]
    checked = wheel(target("a", module(*both)), target("b", module(*both, both[0])))
    assert lines(checked)[3:7] == [
        "error: WF901 m.so: needs 1",
        "    on all 2",
        "error: WF901 m.so: needs 2",
        "    on all 2",
    ]
    assert count([checked]) == Counts(2, 0)
    everywhere = wheel(target("a"), findings=both)
    assert count([everywhere]) == Counts(2, 0)


# --- several wheels


def several() -> list[Checked]:
    return [
        wheel(
            target("old", module(found(ERROR))),
            target("new", module(found(NOTE), new_path="n.so")),
            name="a.whl",
        ),
        wheel(target("old"), target("new", module(found(WARNING))), name="b.whl"),
        wheel(no_fit("old"), target("new"), name="c.whl"),
        wheel(findings=[found(OTHER_ERROR, "d.whl", "no zip")], name="d.whl"),
        wheel(name="e.whl"),
    ]


DETAILS = [
    "",
    "error: WF503 in 1 wheel: none of the wheel's tags is one that the target accepts",
    ONLY_FITTING,
    "error: WF901 a.whl: m.so: the matter",
    "    on old",
    STEP,
    "error: WF902 d.whl: no zip",
    OTHER_STEP,
    "warning: WF911 b.whl: m.so: the matter",
    "    on new",
    "  Try that. More: wheelfix explain WF911",
    "note: WF921 in 1 wheel: a note's reason",
    "5 wheels: 1 fail, 1 with warnings, 1 ok, 1 without a fitting target, 1 broken",
    RENAMED,
]


def test_a_table_of_wheels_and_targets() -> None:
    assert lines(*several()) == [
        "WHEEL  old          new",
        "a.whl  fails WF901  renamed",
        "b.whl  ok           warns WF911",
        "c.whl  -            ok",
        "d.whl  broken       broken",
        "e.whl  -            -",
        *DETAILS,
    ]


def test_more_targets_than_columns() -> None:
    one = wheel(*(target(name) for name in "abcdefg"), name="a.whl")
    other = wheel(*(target(name, module(found(ERROR))) for name in "abcdefg"), name="b.whl")
    assert lines(one, other, wheel(name="c.whl"))[:6] == [
        "a.whl",
        "  ok on 7: a, b, c, d and 3 more",
        "b.whl",
        "  fails on 7 (WF901): a, b, c, d and 3 more",
        "c.whl: fits no target",
        "",
    ]


def test_no_target_at_all() -> None:
    assert lines(wheel(name="a.whl"), wheel(name="b.whl")) == [
        "a.whl: fits no target",
        "b.whl: fits no target",
        "",
        "2 wheels: 2 without a fitting target",
    ]


LONG = "package-1.0-cp312-cp312-manylinux2014_x86_64.whl"
FAR = "package-1.1-cp312-cp312-manylinux2014_x86_64.whl"


def test_long_names_are_cut_where_the_table_would_be_too_wide() -> None:
    table = lines(wheel(target("t"), name=LONG), wheel(target("t"), name=FAR), width=45)
    assert table[:3] == [
        "WHEEL                                      t",
        "package-1.0-cp312-cp312-ma...4_x86_64.whl  ok",
        "package-1.1-cp312-cp312-ma...4_x86_64.whl  ok",
    ]


@pytest.mark.parametrize(
    ("names", "width"),
    [
        # nothing left for the names
        ((LONG, FAR), 40),
        # names that are alike when they are cut
        ((LONG, LONG.replace("manylinux2014", "manylinux2010_i686.manylinux2014")), 46),
    ],
)
def test_no_table_where_it_would_say_too_little(names: tuple[str, str], width: int) -> None:
    one, other = (wheel(target("target"), name=name) for name in names)
    assert lines(one, other, width=width)[0] == names[0]
    assert lines(one, other)[0].startswith("WHEEL  ")


def test_one_wheel_with_many_findings_does_not_hide_the_others() -> None:
    many = wheel(target("t"), findings=[found(ERROR, f"{n}.so") for n in range(9)], name="a.whl")
    few = wheel(target("t"), findings=[found(ERROR, "m.so")], name="b.whl")
    assert lines(many, few)[4:11] == [
        "error: WF901 a.whl: 0.so: the matter",
        "error: WF901 b.whl: m.so: the matter",
        "error: WF901 a.whl: 1.so: the matter",
        "error: WF901 a.whl: 2.so: the matter",
        "error: WF901 a.whl: 3.so: the matter",
        "  and 5 more with WF901; --format json tells all",
        STEP,
    ]


def test_wheels_of_one_name_are_called_by_their_paths() -> None:
    one = wheel(target("t"))
    assert lines(one, one._replace(path="other/x.whl"), Checked(one.wheel))[1:4] == [
        "dist/x.whl   ok",
        "other/x.whl  ok",
        "x.whl        ok",
    ]


# --- what is selected


@pytest.mark.parametrize(
    ("select", "ignore", "taken"),
    [
        ((), (), "WF901 WF902 WF911 WF921"),
        (("WF90",), (), "WF901 WF902"),
        (("WF9",), ("WF91", "WF902"), "WF901 WF921"),
        # the longer one counts
        (("WF911",), ("WF9",), "WF911"),
        (("WF9", "WF911"), ("WF91",), "WF901 WF902 WF911 WF921"),
        # of two that are equal the ignored one
        (("WF901", "WF902"), ("WF901",), "WF902"),
        ((), ("WF",), ""),
    ],
)
def test_codes_are_selected_by_their_beginnings(
    select: tuple[str, ...], ignore: tuple[str, ...], taken: str
) -> None:
    selection = Selection(select, ignore)
    every = (ERROR, OTHER_ERROR, WARNING, NOTE)
    assert [code.id for code in every if selection.takes(code)] == taken.split()


def test_verdicts_follow_from_what_is_selected() -> None:
    whole = wheel(
        target("t", module(found(ERROR), found(NOTE)), findings=[found(WARNING)]),
        findings=[found(OTHER_ERROR)],
    ).wheel
    left = Selection(ignore=("WF90",)).of(whole)
    assert [each.code for each in left.all_findings] == [WARNING, NOTE]
    assert left.targets[0].verdict is Verdict.WARNED
    assert Selection().of(whole) == whole


def test_without_the_finding_what_does_not_fit_is_left_out() -> None:
    allowed = target("c", findings=[found(NO_FIT)._replace(allowed=True)])
    whole = wheel(target("a", module(found(ERROR))), no_fit("b"), allowed).wheel
    left = Selection(ignore=("WF503",)).of(whole)
    assert [each.system for each in left.targets] == ["a", "c"]
    assert left.all_findings == (found(ERROR),)
    assert Selection(select=("WF5",)).of(whole).targets[1] == whole.targets[1]


def test_findings_are_counted_once() -> None:
    twice = wheel(target("a", module(found(ERROR), found(NOTE))), target("b", module(found(ERROR))))
    other = wheel(target("a", module(found(ERROR), found(WARNING))), name="y.whl")
    assert count([twice, other]) == Counts(errors=2, warnings=1)


# --- formats for programs


def test_json() -> None:
    checked = wheel(target("musl", module(found(ERROR), new_path="n.so")))
    system = System(make_target(), root="/srv", label="musl")
    report = json.loads(json.dumps(check_to_json([checked], [system])))
    assert list(report) == ["schema", "targets", "checked", "errors", "warnings"]
    assert (report["schema"], report["errors"], report["warnings"]) == (1, 1, 0)
    assert report["targets"] == [
        {
            "name": "musl",
            "executable": "/usr/bin/python3.9",
            "implementation": "cpython",
            "version": "3.9.18",
            "soabi": "cpython-39-x86_64-linux-musl",
            "extension_suffixes": [".cpython-39-x86_64-linux-musl.so", ".abi3.so", ".so"],
            "machine": "x86_64",
            "libc": "musl",
            "libc_version": make_target().libc_version,
            "root": "/srv",
        }
    ]
    (entry,) = report["checked"]
    assert entry == {"path": "dist/x.whl", **json.loads(json.dumps(checked.wheel.to_json()))}


def test_github_gets_annotations_errors_first() -> None:
    checked = [
        wheel(
            target("a", module(found(NOTE), found(WARNING))),
            target("b", module(found(WARNING, sentence="alike"))),
        ),
        wheel(findings=[found(ERROR, "y.whl", "no zip")], name="y.whl"),
        Checked(wheel(target("a", module(found(OTHER_ERROR))), name="y-1").wheel),
    ]
    places, step = "a; for a like reason on b", "Try that. More: wheelfix explain WF911"
    assert list(github_lines(checked)) == [
        "::error file=dist/y.whl,title=WF901::y.whl: no zip%0ADo this. More: wheelfix explain WF901",
        "::error title=WF902::y-1: m.so: the matter%0Aon a%0AMore: wheelfix explain WF902",
        f"::warning file=dist/x.whl,title=WF911::m.so: the matter%0Aon {places}%0A{step}",
        "::notice file=dist/x.whl,title=WF921::m.so: the matter%0Aon a%0AMore: wheelfix explain WF921",
    ]


def test_what_is_allowed_is_a_notice_to_github() -> None:
    allowed = wheel(findings=[found(ERROR)._replace(allowed=True)])
    assert next(github_lines([allowed])).startswith("::notice file=")


def test_what_github_would_misread_is_escaped() -> None:
    checked = wheel(findings=[found(ERROR, "m.so", "50%, one:\r\ntwo")])._replace(
        path="a:b,c%d\r\n.whl"
    )
    assert next(github_lines([checked])) == (
        "::error file=a%3Ab%2Cc%25d%0D%0A.whl,title=WF901::m.so: 50%25, one:%0D%0Atwo%0A"
        "Do this. More: wheelfix explain WF901"
    )
