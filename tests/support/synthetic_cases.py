"""The rules of musl's and glibc's loaders, one small module for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from support.synthetic_maker import (
    CONSTRUCTOR,
    IFUNC,
    INITIAL_EXEC,
    ORIGIN_LIBS,
    RPATH,
    RUNPATH,
    USE_A,
    WITH_LIBC,
    Maker,
    chain,
    cut,
    executable_stack_in_dependency,
    first_found,
    hidden_version,
    library_at,
    linked_elsewhere,
    needed_path,
    needing,
    only_in_hwcaps,
    other_libc,
    patched,
    plain,
    searching,
    soname_of_loaded,
    undefined,
    versions,
    without_stack_header,
)

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """A rule.

    :param rule: what it shows, in a few words.
    :param make: compiles its files.
    """

    name: str
    rule: str
    make: Callable[[Maker], object]


CASES = (
    Case("plain", "nothing but an init function", plain()),
    Case("with_libc", "linked to its libc in the ordinary way", plain(WITH_LIBC)),
    Case("other_libc", "linked to the other libc", other_libc),
    Case("no_init", "no init function", lambda make: make.shared("m.so", "int one = 1;")),
    Case(
        "mod_export",
        "PEP 793's init function",
        lambda make: make.shared("m.so", "void *PyModExport_m(void) { return 0; }"),
    ),
    # libraries
    Case("missing_library", "DT_NEEDED that is nowhere", needing("libgone.so.1")),
    Case(
        "needed_absolute",
        "DT_NEEDED is an absolute path",
        lambda make: needed_path(make, f"/synthetic/{make.folder.name}/"),
    ),
    Case(
        "needed_relative",
        "DT_NEEDED with a slash counts from the working directory",
        lambda make: needed_path(make, ""),
    ),
    Case("zlib", "a library of the default folders", needing("libz.so.1")),
    Case(
        "nodefaultlib",
        "DF_1_NODEFLIB leaves the default folders out",
        lambda make: make.module("", "-Wl,-z,nodefaultlib", *make.needing("libz.so.1")),
    ),
    Case("libpython", "the interpreter's own libpython", needing("libpython3.11.so.1.0")),
    Case("libpython_other", "a libpython that is not there", needing("libpython3.99.so.1.0")),
    Case(
        "reserved_names",
        "libraries that musl has in its libc",
        needing(
            "libpthread.so.0", "libm.so.6", "libdl.so.2", "librt.so.1", "libutil.so.1", "libc.so.6"
        ),
    ),
    Case("reserved_xnet", "a name that only musl reserves", needing("libxnet.so")),
    Case("libc_so", "the name that Debian's musl-gcc writes", needing("libc.so")),
    Case("libc_musl", "the name that Alpine's libc bears", needing("libc.musl-x86_64.so.1")),
    Case("libcrypt", "glibc's libcrypt, which musl does not reserve", needing("libcrypt.so.1")),
    Case("libresolv", "glibc's libresolv, which musl does not reserve", needing("libresolv.so.2")),
    Case("ld_linux", "glibc's loader as a library", needing("ld-linux-x86-64.so.2")),
    Case(
        "soname_of_loaded",
        "DT_NEEDED is the SONAME of a library that has another file name",
        soname_of_loaded,
    ),
    # search paths
    Case(
        "no_path",
        "beside the module, but no path says so",
        lambda make: make.module(USE_A, *library_at(make, ".")),
    ),
    Case("runpath", "DT_RUNPATH with $ORIGIN", searching("$ORIGIN/libs")),
    Case("rpath", "DT_RPATH with $ORIGIN", searching("$ORIGIN/libs", RPATH)),
    Case("origin_braces", "${ORIGIN}", searching("${ORIGIN}/libs")),
    Case(
        "path_lib_token",
        "$LIB, which musl does not know, after a good entry",
        searching("$ORIGIN/libs:/opt/$LIB"),
    ),
    Case("path_absolute", "an absolute entry that is not there", searching("/nowhere/libs")),
    Case("path_working_directory", "an entry without $ORIGIN", searching("libs")),
    Case(
        "rpath_inherited",
        "DT_RPATH of the module serves its dependency's dependency",
        lambda make: chain(make, RPATH),
    ),
    Case("runpath_inherited", "DT_RUNPATH does so only on musl", lambda make: chain(make, RUNPATH)),
    Case(
        "rpath_under_runpath",
        "a dependency's DT_RUNPATH shuts out the module's DT_RPATH on glibc",
        lambda make: chain(make, RPATH, middle="-Wl,-rpath,/nowhere"),
    ),
    Case("origin_of_link", "$ORIGIN of a symbolic link", linked_elsewhere),
    Case("only_in_hwcaps", "glibc-hwcaps below an entry", only_in_hwcaps),
    Case(
        "directory_first",
        "a folder bears the library's name",
        lambda make: first_found(make, directory=True),
    ),
    Case(
        "text_first",
        "a linker script bears the library's name",
        lambda make: first_found(make, text=True),
    ),
    Case("foreign_first", "another machine's library bears the name", first_found),
    # symbols
    Case(
        "undefined_lazy",
        "a function that nothing has, bound lazily",
        plain("-Wl,-z,lazy", code="extern int gone(void); int use(void) { return gone(); }"),
    ),
    Case(
        "undefined_now",
        "the same, bound at once",
        plain("-Wl,-z,now", code="extern int gone(void); int use(void) { return gone(); }"),
    ),
    Case(
        "undefined_data",
        "data that nothing has",
        plain(code="extern int gone; int *use(void) { return &gone; }"),
    ),
    Case(
        "undefined_weak",
        "a weak reference",
        plain(
            code="extern int gone(void) __attribute__((weak)); int use(void) { return gone ? gone() : 0; }"
        ),
    ),
    Case("python_symbol", "a function of the interpreter", undefined("PyLong_FromLong")),
    Case("python_private", "a function that no interpreter has", undefined("_PyGone_Private")),
    Case("fortified", "a checked function of glibc", undefined("__vsnprintf_chk")),
    Case(
        "large_file",
        "a 64-bit name that musl 1.2.3 exports and 1.2.5 only maps",
        undefined("open64"),
    ),
    Case(
        "large_file_long",
        "a 64-bit name too long for the buffer of musl 1.2.5",
        undefined("posix_fallocate64"),
    ),
    Case("newer_musl", "a function that musl has from 1.2.5 on", undefined("preadv2")),
    Case(
        "symbol_of_module",
        "a dependency refers to the module",
        lambda make: make.module(
            "int a = 1;",
            str(make.shared("libs/libb.so", USE_A, "-Wl,-soname,libb.so")),
            ORIGIN_LIBS,
        ),
    ),
    Case(
        "symbol_of_own_libpython",
        "a library that is not the interpreter names its symbols",
        lambda make: make.module(
            "",
            str(
                make.shared(
                    "libs/libb.so",
                    "extern int PyLong_FromLong(void); int use(void) { return PyLong_FromLong(); }",
                    "-Wl,-soname,libb.so",
                )
            ),
            ORIGIN_LIBS,
        ),
    ),
    Case(
        "undefined_in_dependency",
        "a dependency lacks a symbol",
        lambda make: make.module(
            "", str(make.shared("libs/libb.so", USE_A, "-Wl,-soname,libb.so")), ORIGIN_LIBS
        ),
    ),
    Case(
        "version_missing",
        "the library has lost version V2",
        lambda make: versions(make, "V1 { global: a; b; local: *; };"),
    ),
    Case(
        "version_there",
        "the library still has it",
        lambda make: versions(make, "V1 { global: a; local: *; }; V2 { global: b; } V1;"),
    ),
    Case(
        "version_symbol_moved",
        "the symbol has another version now",
        lambda make: versions(make, "V1 { global: a; b; local: *; }; V2 { } V1;"),
    ),
    Case("versions_lost", "the library has no versions any more", lambda make: versions(make, "")),
    Case("version_hidden", "only an old, hidden version is there", hidden_version),
    # thread-local storage
    Case(
        "tls_dynamic",
        "ordinary thread-local storage",
        plain(
            "-ftls-model=global-dynamic",
            WITH_LIBC,
            code="__thread int v; int *use(void) { return &v; }",
        ),
    ),
    Case("tls_initial_exec", "initial-exec, small", plain(code=INITIAL_EXEC.format("", 8))),
    Case(
        "tls_initial_exec_static",
        "initial-exec of a static variable: its relocation has no name",
        plain(code=INITIAL_EXEC.format("static", 8)),
    ),
    Case(
        "tls_initial_exec_large",
        "initial-exec, more than glibc keeps free",
        plain(code=INITIAL_EXEC.format("", 8192)),
    ),
    Case(
        "tls_initial_exec_weak",
        "initial-exec of an undefined weak variable",
        plain(
            code='extern __thread int v __attribute__((tls_model("initial-exec"), weak)); '
            "int *use(void) { return &v; }"
        ),
    ),
    # relocations
    Case(
        "relr",
        "DT_RELR covers the constructors",
        plain("-Wl,-z,pack-relative-relocs", code=CONSTRUCTOR),
    ),
    Case(
        "relr_data",
        "DT_RELR covers data only",
        plain(
            "-Wl,-z,pack-relative-relocs", code="static int one; int *table[] = {&one, &one, &one};"
        ),
    ),
    Case(
        "relr_dependency",
        "the same of a dependency's constructors",
        lambda make: make.module(
            "",
            str(
                make.shared(
                    "libs/libb.so", CONSTRUCTOR, "-Wl,-soname,libb.so,-z,pack-relative-relocs"
                )
            ),
            ORIGIN_LIBS,
        ),
    ),
    Case("constructor", "a constructor with ordinary relocations", plain(code=CONSTRUCTOR)),
    Case(
        "ifunc_own",
        "an indirect function of its own",
        plain(
            code=IFUNC
            + 'static int f(void) __attribute__((ifunc("pick"))); int use(void) { return f(); }'
        ),
    ),
    Case(
        "ifunc_exported",
        "an indirect function that is exported",
        plain(
            code=IFUNC + 'int f(void) __attribute__((ifunc("pick"))); int use(void) { return f(); }'
        ),
    ),
    # flags and headers
    Case("executable_stack", "PT_GNU_STACK is executable", plain("-Wl,-z,execstack")),
    Case("executable_stack_dependency", "that of a dependency", executable_stack_in_dependency),
    Case(
        "no_stack_header",
        "no PT_GNU_STACK at all",
        lambda make: without_stack_header(make.module()),
    ),
    Case("nodlopen", "DF_1_NOOPEN", plain("-Wl,-z,nodlopen")),
    Case(
        "truncated",
        "the file ends before its segments do",
        lambda make: cut(
            make.module("char data[200000] = {1}; int zero; char *end[] = {&data[199999]};"), 100000
        ),
    ),
    Case(
        "truncated_untouched",
        "the same, where no relocation touches what is missing",
        lambda make: cut(make.module("char data[200000] = {1};"), 100000),
    ),
    Case(
        "truncated_header", "the file ends within its header", lambda make: cut(make.module(), 30)
    ),
    Case(
        "text",
        "no ELF file at all",
        lambda make: (make.folder / "m.so").write_text("not an ELF file\n" * 20),
    ),
    Case("empty", "an empty file", lambda make: (make.folder / "m.so").write_text("")),
    Case("other_machine", "e_machine says aarch64", patched(18, b"\xb7\x00")),
    Case("other_class", "EI_CLASS says 32 bits", patched(4, b"\x01")),
    Case("other_endianness", "EI_DATA says big-endian", patched(5, b"\x02")),
    Case("other_os", "EI_OSABI says FreeBSD", patched(7, b"\x09")),
)
