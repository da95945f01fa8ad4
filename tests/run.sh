#!/bin/sh
# The whole test suite: makes an environment for tox, and runs it. Arguments go to tox.
set -eu
cd "$(dirname "$0")/.."
python3 -m venv .venv
.venv/bin/python -m pip install --quiet tox
# pyenv's shims of versions that aren't switched on only print an error: let tox find the versions themselves
for folder in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin; do
    PATH="$PATH:$folder"
done
export PATH
# where nothing may be skipped, a missing interpreter is a failure
exec .venv/bin/tox run ${CI:+--skip-missing-interpreters false} "$@"
