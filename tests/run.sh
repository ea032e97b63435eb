#!/usr/bin/env bash
# Sets up .venv, then runs the linters and the tests. Arguments go to pytest:
#
#     bash tests/run.sh -k checkpoint -x
#     bash tests/run.sh -k checkpoint --pdb -n 0    # in one process, not in two
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../tools/setup_environment.sh"

set_up_environment test
cd "$root"
status=0
"$venv_python" -m ruff check . || status=1
"$venv_python" -m ruff format --check . || status=1
"$venv_python" -m pyright || status=1
PYTHONPATH=tools "${venv_python%/*}/lint-imports" --no-cache || status=1
"${venv_python%/*}/shellcheck" .ci/run tests/*.sh tools/*.sh datasets/*.sh datasets/*/*.sh || status=1
"$venv_python" -m pytest "$@" || status=$?
exit $status
