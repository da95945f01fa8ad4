#!/bin/sh
# The whole test suite: makes an environment for tox, and runs it, as many environments at once as there are
# processors. Arguments go to `tox run`, which runs one after the other and shows what they print.
set -eu
cd "$(dirname "$0")/.."
python3 -m venv .venv
.venv/bin/python -m pip install --quiet tox
# pyenv's shims of versions that aren't switched on only print an error: let tox find the versions themselves
for folder in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin; do
    PATH="$PATH:$folder"
done
export PATH
if [ $# -eq 0 ]; then
    # what an environment prints is shown when it is over
    set -- run-parallel --parallel auto
else
    set -- run "$@"
fi
# where nothing may be skipped, a missing interpreter is a failure
exec .venv/bin/tox "$@" ${CI:+--skip-missing-interpreters false}
