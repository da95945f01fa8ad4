#!/bin/bash
# Builds real musl-linked CPythons from Debian's own packages, once per machine.
#
#   tests/musl_interpreters.sh NAME...     builds what is missing, prints the folder of each
#   tests/musl_interpreters.sh --list      prints the names it knows
#
# Folder:  ${WHEELFIX_TEST_CACHE:-${XDG_CACHE_HOME:-~/.cache}/wheelfix-tests}/interpreters/NAME
# Status:  0 all are there; 77 they can't be built on this machine (the last line of stderr says
#          why); anything else: a build failed (its log's path is in the last line).
#
# Nothing outside the cache folder changes, except that missing build tools are installed when root
# runs this. In particular no /lib/ld-musl-x86_64.so.1 is made, moved or replaced: the interpreters
# name a loader inside the cache folder, which finds musl's shared libraries beside itself.

# shellcheck disable=SC2317 # run_logged calls functions by name
set -euo pipefail

readonly CANNOT=77
# Raise this when a change here makes the interpreters that are cached by now wrong.
readonly RECIPE=2
readonly NAMES="cp39-gnu cp39-musl cp39-musl-fallback cp311-musl cp311-gnu cp313-musl cp313t-musl"
readonly LOADER=ld-musl-x86_64.so.1

cache=${WHEELFIX_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wheelfix-tests}/interpreters
cache=$(realpath -m "$cache")
jobs=${JOBS:-$(nproc)}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

cannot() {
  echo "$*" >&2
  exit "$CANNOT"
}

note() { echo "[$(date +%T)] $*" >&2; }

is_built() { [ "$(cat "$cache/$1/recipe" 2>/dev/null)" = "$RECIPE $cache" ]; }

# --- what the machine must have -----------------------------------------------------------------

check_machine() {
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || cannot "this is not Linux on x86_64"
  { command -v apt-get >/dev/null && [ -e "$keyring" ]; } || cannot "this is not Debian"
  # shellcheck disable=SC2016 # these are apt's own placeholders
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 2>/dev/null |
    awk '$2 ~ /^(bullseye|bookworm|trixie|forky|sid|(old)*stable|testing|unstable)$/ && !n++ {print $1}')
  [ -n "$mirror" ] || cannot "apt is set up with no Debian mirror"
  local missing="" tool
  for tool in gcc:gcc make:make perl:perl xz:xz-utils bzip2:bzip2 flock:util-linux; do
    command -v "${tool%%:*}" >/dev/null || missing+=" ${tool#*:}"
  done
  [ -e /usr/include/linux/version.h ] || missing+=" linux-libc-dev"
  [ -n "$missing" ] || return 0
  [ "$(id -u)" = 0 ] || cannot "build tools are missing and only root can install them:$missing"
  note "installing$missing"
  # shellcheck disable=SC2086
  { apt-get update && apt-get install -y --no-install-recommends $missing; } >&2 ||
    cannot "apt could not install$missing"
}

# --- Debian's packages, with index lists of our own -----------------------------------------------

debian() { # SUITE APT-GET-ARGUMENTS...
  local root=$work/apt/$1
  shift
  apt-get -qq -o Dir::Etc::sourcelist="$root/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$root/lists" -o Dir::Cache::archives="$root" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Acquire::Retries=5 \
    -o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)" "$@"
}

use_suite() { # SUITE
  local root=$work/apt/$1
  [ ! -e "$root/ready" ] || return 0
  mkdir -p "$root/lists/partial" "$root/partial" "$root/files"
  printf '%s [signed-by=%s] %s %s main\n' \
    deb-src "$keyring" "$mirror" "$1" deb "$keyring" "$mirror" "$1" >"$root/sources.list"
  debian "$1" update >&2 || cannot "the mirror that apt is set up with does not give $1 any more"
  touch "$root/ready"
}

source_of() { # SUITE PACKAGE INTO
  use_suite "$1"
  (cd "$work/apt/$1/files" && debian "$1" source --download-only "$2" >&2) ||
    cannot "the mirror that apt is set up with does not give the source of $2 ($1)"
  mkdir -p "$3"
  tar xf "$(find "$work/apt/$1/files" -name "${2}_*.orig.tar.*" ! -name '*.asc')" -C "$3" --strip-components=1
}

# --- the loader and the tools that link against it -----------------------------------------------

make_toolchain() {
  [ "$(cat "$tools/recipe" 2>/dev/null)" != "$RECIPE" ] || return 0
  note "musl and the compiler that links against it"
  rm -rf "$tools"
  mkdir -p "$tools"/{bin,include,kernel,lib} "$cache/musl"/{etc,lib}
  # musl 1.2.5, because 1.2.3 (Debian 12) and older don't apply DT_RELR relocations, which the
  # libgcc_s in today's musllinux_1_2 wheels has: they would crash.
  use_suite trixie
  (cd "$work/apt/trixie/files" && debian trixie download musl musl-dev >&2) ||
    cannot "the mirror that apt is set up with does not give musl (trixie)"
  local package
  for package in "$work"/apt/trixie/files/musl*.deb; do
    dpkg-deb -x "$package" "$work/musl"
  done
  cp -a "$work/musl/usr/include/x86_64-linux-musl/." "$tools/include/"
  cp -a "$work/musl/usr/lib/x86_64-linux-musl/." "$tools/lib/"
  # (moved over the old one, which a running interpreter may have open)
  install -m 755 "$tools/lib/libc.so" "$cache/musl/lib/new"
  mv "$cache/musl/lib/new" "$cache/musl/lib/$LOADER"
  # ldso/dynlink.c takes the search path from etc/ld-musl-$ARCH.path beside the loader's own folder.
  echo "$cache/musl/lib" >"$cache/musl/etc/ld-musl-x86_64.path"
  # What is linked on Alpine needs libc.musl-x86_64.so.1. Debian's libc.so has no SONAME, so the
  # name that the linker is given becomes the DT_NEEDED.
  ln -s libc.so "$tools/lib/libc.musl-x86_64.so.1"
  # musl's include folder lacks the kernel's headers, which several modules of CPython use.
  local headers
  for headers in linux asm-generic mtd; do ln -s "/usr/include/$headers" "$tools/kernel/"; done
  ln -s /usr/include/x86_64-linux-gnu/asm "$tools/kernel/asm"
  cat >"$tools/musl.specs" <<EOF
%rename cpp_options old_cpp_options

*cpp_options:
-nostdinc -isystem $tools/include -isystem include%s -idirafter $tools/kernel %(old_cpp_options)

*cc1:
%(cc1_cpu) -nostdinc -isystem $tools/include -isystem include%s -idirafter $tools/kernel

*link_libgcc:
-L$tools/lib -L .%s

*libgcc:
libgcc.a%s %:if-exists(libgcc_eh.a%s)

*lib:
-l:libc.musl-x86_64.so.1

*startfile:
%{!shared: $tools/lib/Scrt1.o} $tools/lib/crti.o crtbeginS.o%s

*endfile:
crtendS.o%s $tools/lib/crtn.o

*link:
-dynamic-linker $cache/musl/lib/$LOADER -nostdlib %{shared:-shared} %{rdynamic:-export-dynamic}

*esp_link:


*esp_options:


*esp_cpp_options:


EOF
  # configure compares gcc's multiarch folder with the triplet that it has worked out and stops
  # where they differ. Alpine's gcc prints none.
  cat >"$tools/bin/musl-cc" <<EOF
#!/bin/sh
for argument; do
  case \$argument in -print-multiarch | --print-multiarch) exit 0 ;; esac
done
exec gcc -specs=$tools/musl.specs "\$@"
EOF
  # Up to 3.11, setup.py asks dpkg-architecture and then looks into glibc's library folder.
  printf '#!/bin/sh\nexit 1\n' >"$tools/bin/dpkg-architecture"
  # No library of the machine may be found: configure falls back to CPPFLAGS and LDFLAGS.
  cp "$tools/bin/dpkg-architecture" "$tools/bin/pkg-config"
  chmod +x "$tools"/bin/*

  note "zlib, bzip2, libffi, OpenSSL"
  export CC=$tools/bin/musl-cc CFLAGS="-O2 -fPIC"
  source_of trixie zlib "$work/zlib"
  (cd "$work/zlib" && ./configure --prefix="$tools" && make -j"$jobs" && make install)
  # Alpine's python3 needs libz.so.1, so wheels count on it; the interpreter here has its own copy.
  cp -L "$tools/lib/libz.so.1" "$cache/musl/lib/"
  rm "$tools"/lib/libz.so*
  source_of trixie bzip2 "$work/bzip2"
  (cd "$work/bzip2" && make -j"$jobs" CC="$CC" CFLAGS="$CFLAGS" libbz2.a &&
    cp bzlib.h "$tools/include/" && cp libbz2.a "$tools/lib/")
  # (bookworm's, because trixie's source comes without a configure script)
  source_of bookworm libffi "$work/libffi"
  (cd "$work/libffi" && ./configure --prefix="$tools" --libdir="$tools/lib" --disable-shared \
    --disable-docs --disable-multi-os-directory --disable-exec-static-tramp &&
    make -j"$jobs" && make install)
  # psycopg-binary imports ssl. CPython 3.9.2 wants OpenSSL 1.1.1; 3.11 and 3.13 still take it.
  source_of bullseye openssl "$work/openssl"
  local without=(shared tests async engine afalgeng dso aria bf camellia cast gost idea md2 md4 mdc2
    rc2 rc4 rc5 rmd160 seed sm2 sm3 sm4 srp whirlpool)
  (cd "$work/openssl" && unset CFLAGS &&
    perl Configure linux-x86_64 --prefix="$tools" --openssldir=/etc/ssl -fPIC "${without[@]/#/no-}" &&
    make -j"$jobs" build_generated && make -j"$jobs" libcrypto.a libssl.a &&
    cp -r include/openssl "$tools/include/" && cp libcrypto.a libssl.a "$tools/lib/")
  unset CC CFLAGS
  echo "$RECIPE" >"$tools/recipe"
}

# --- the interpreters ----------------------------------------------------------------------------

# What Alpine's patch to CPython up to 3.10 comes to (bpo-43112, in CPython itself from 3.11 on).
name_musl_in_soabi() {
  sed -i 's/^\( *\)x86_64-linux-gnu$/\1x86_64-linux-musl/' configure
  grep -q '^ *x86_64-linux-musl$' configure
}

# What Alpine's later patch to the same versions comes to: the old name is still looked for.
add_gnu_fallback() { # VERSION-WITHOUT-DOT
  local name=".cpython-$1-x86_64-linux-gnu.so"
  sed -i 's|^    "\." SOABI "\.so",|&\n    "'"$name"'",|' Python/dynload_shlib.c
  grep -qF "$name" Python/dynload_shlib.c
}

build_interpreter() { # NAME
  local name=$1 prefix=$cache/$1 tree=$work/$1 stage=$work/$1.stage
  local options=(--without-ensurepip --with-openssl="$tools")
  case $name in
    cp39-*) source_of bullseye python3.9 "$tree" ;;
    cp311-*) source_of bookworm python3.11 "$tree" ;;
    cp313*) source_of trixie python3.13 "$tree" ;;
  esac
  cd "$tree"
  case $name in cp39-musl*) name_musl_in_soabi ;; esac
  case $name in cp39-musl-fallback) add_gnu_fallback 39 ;; esac
  # From 3.11 on configure takes "-musl" or "-gnu" from the build triplet.
  case $name in
    cp39-* | *-musl) options+=(--build=x86_64-linux-musl) ;;
    *) options+=(--build=x86_64-linux-gnu) ;;
  esac
  case $name in cp313t-*) options+=(--disable-gil) ;; esac
  case $name in cp39-*) ;; *) options+=(--disable-test-modules) ;; esac
  # The libraries' own tests take longest to compile to bytecode and are never run.
  rm -rf Lib/test Lib/idlelib Lib/lib2to3/tests Lib/tkinter/test Lib/ctypes/test \
    Lib/distutils/tests Lib/unittest/test Lib/sqlite3/test
  # musl's default thread stack is too small for CPython; Alpine gives the same value.
  local stack=EXTRA_CFLAGS=-DTHREAD_STACK_SIZE=0x100000
  export PATH=$tools/bin:$PATH CC=$tools/bin/musl-cc CPPFLAGS=-I$tools/include LDFLAGS=-L$tools/lib
  export OPT="-DNDEBUG -O1 -fwrapv -Wall"
  ./configure --prefix="$prefix" "${options[@]}"
  make -j"$jobs" "$stack"
  make "$stack" DESTDIR="$stage" install
  find "$stage" \( -name 'libpython*.a' -o -name '*.opt-[12].pyc' \) -delete
  "$stage$prefix/bin/python3" -I -c 'import bz2, ctypes, ssl, zlib'
  echo "$RECIPE $cache" >"$stage$prefix/recipe"
  rm -rf "$prefix"
  # From here on the interpreter is either whole or absent.
  mv "$stage$prefix" "$prefix"
}

main() {
  [ $# -gt 0 ] || {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
    return 2
  }
  [ "$1" != --list ] || {
    tr ' ' '\n' <<<"$NAMES"
    return
  }
  local name missing=()
  for name; do
    case " $NAMES " in *" $name "*) ;; *)
      echo "no interpreter is called $name; these are known: $NAMES" >&2
      return 2
      ;;
    esac
    is_built "$name" || missing+=("$name")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    check_machine
    mkdir -p "$cache"
    tools=$cache/toolchain work=$cache/work
    exec 9>"$cache/lock"
    flock -n 9 || {
      note "waiting for another build in $cache"
      flock 9
    }
    mkdir -p "$cache/logs"
    rm -rf "$work"
    mkdir -p "$work"
    trap 'rm -rf "$work"' EXIT
    run_logged toolchain make_toolchain
    for name in "${missing[@]}"; do
      # (another run may have built it while this one waited for the lock)
      is_built "$name" || run_logged "$name" build_interpreter "$name"
    done
  fi
  for name; do echo "$cache/$name"; done
}

run_logged() { # NAME COMMAND...
  local log=$cache/logs/$1.log started=$SECONDS status=0
  note "$1: building"
  # A subshell of its own: inside `||` or `if` bash would not stop at the first failing command.
  bash -euo pipefail -c "$(declare -f); $(declare -p CANNOT RECIPE LOADER cache jobs keyring mirror tools work); "'"$@"' \
    "$0" "${@:2}" >"$log" 2>&1 9>&- || status=$?
  [ "$status" != "$CANNOT" ] || cannot "$(tail -n 1 "$log")"
  [ "$status" = 0 ] || {
    tail -n 30 "$log" >&2
    echo "$1 could not be built; the whole log is $log" >&2
    exit 1
  }
  note "$1: done in $((SECONDS - started)) s"
}

# (on one line, so that bash needs nothing more from this file, which may change during a build)
main "$@"; exit
