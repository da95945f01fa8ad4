"""Would the loader of this target load this module? Foretold from files alone, without running any.

A process is an ordered list of loaded objects. :meth:`Process.dlopen` gives the outcome with the loader's own
sentence. What musl and glibc do differently lies in one class each. Nothing here reads a file: facts come through
the callables of :class:`Files`.
"""

from __future__ import annotations

from wheelfix.linkage._assumed import assumed_glibc, assumed_musl, assumed_python
from wheelfix.linkage._findings import ModuleContext, load_findings
from wheelfix.linkage._foretelling import foretell_load, foretell_loads
from wheelfix.linkage._glibc import GlibcLoader, GlibcProcess
from wheelfix.linkage._glibc_files import default_folders, read_cache
from wheelfix.linkage._model import (
    AssumedLibrary,
    Assumptions,
    FileKind,
    Files,
    LoadClass,
    LoadedObject,
    Outcome,
)
from wheelfix.linkage._musl import MuslLoader, MuslProcess
from wheelfix.linkage._musl_files import (
    applies_relr,
    large_file_names,
    musl_folders,
    musl_version,
)
from wheelfix.linkage._process import Process

__all__ = [
    "AssumedLibrary",
    "Assumptions",
    "FileKind",
    "Files",
    "GlibcLoader",
    "GlibcProcess",
    "LoadClass",
    "LoadedObject",
    "ModuleContext",
    "MuslLoader",
    "MuslProcess",
    "Outcome",
    "Process",
    "applies_relr",
    "assumed_glibc",
    "assumed_musl",
    "assumed_python",
    "default_folders",
    "foretell_load",
    "foretell_loads",
    "large_file_names",
    "load_findings",
    "musl_folders",
    "musl_version",
    "read_cache",
]
