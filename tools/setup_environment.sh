# shellcheck shell=bash
# Makes the virtual environment .venv at the root of the checkout, installs TextZoo in it
# and sets `venv_python`. To be sourced by a bash script that then calls
#
#     set_up_environment [EXTRA]      # EXTRA: an extra of setup.py, such as test
#
# What the user has to put right (no Python, no network, ...) ends the script with status 2
# and one message that says how. hnswlib is built from source: where that cannot be done, this is
# said, and all but it is set up. TEXTZOO_PYTHON names the Python to use.

root=$(CDPATH='' cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
case "$(uname -s)" in
    MINGW* | MSYS* | CYGWIN*) on_windows=yes venv_python=$venv/Scripts/python.exe ;;
    *) on_windows=no venv_python=$venv/bin/python ;;
esac

say() {
    printf '%s\n' "$@"
}

# fail WHAT_IS_WRONG [WAY_OUT...]: one message on stderr, then the end.
fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
    exit 2
}

is_supported() {
    "$1" -c 'import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

python_version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

# Sets `python` to the first Python that TextZoo supports.
find_python() {
    local candidate found=''
    if [ -n "${TEXTZOO_PYTHON:-}" ]; then
        python=$TEXTZOO_PYTHON
        is_supported "$python" && return
        fail "TEXTZOO_PYTHON is $python, which is $(describe "$python"); TextZoo needs Python 3.9 to 3.13." \
            "Name another one, or unset TEXTZOO_PYTHON to have one searched for."
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python3.10 python3.9 python; do
        python=$candidate
        is_supported "$python" && return
        command -v "$candidate" >/dev/null && found="$found, $candidate is $(describe "$candidate")"
    done
    [ -n "$found" ] || found="none was found"
    fail "TextZoo needs Python 3.9 to 3.13; ${found#, }." \
        "Debian/Ubuntu: sudo apt-get install python3 python3-venv python3-dev" \
        "Fedora:        sudo dnf install python3.13 python3.13-devel" \
        "macOS:         brew install python@3.13" \
        "Where these give none in that range, https://docs.astral.sh/uv has: uv python install 3.13" \
        "To choose one: TEXTZOO_PYTHON=/path/to/python"
}

describe() {
    local version
    if version=$(python_version "$1"); then
        say "Python $version"
    else
        say "not a Python that runs"
    fi
}

check_venv_module() {
    "$python" -c 'import venv, ensurepip' 2>/dev/null && return
    local version
    version=$(python_version "$python")
    fail "$python (Python $version) lacks the modules venv and ensurepip, which make virtual environments." \
        "Debian/Ubuntu: sudo apt-get install python$version-venv" \
        "Fedora:        sudo dnf install python$version" \
        "macOS:         brew install python@$version"
}

compiles() {
    printf '#include <vector>\n' | "$@" -x c++ -fsyntax-only - 2>/dev/null
}

# without_hnswlib WHY [WAY_OUT...]: a note on stderr.
without_hnswlib() {
    printf 'note: hnswlib is not installed: %s\n' "$1" >&2
    shift
    printf '  %s\n' "$@" "Run this again then. Until then exact search takes the place of backend: hnsw." >&2
}

# Building hnswlib takes a C++ compiler and the headers of Python.
# Windows builds find Microsoft's compiler by themselves, outside of PATH.
has_compiler() {
    [ $on_windows = no ] || return 0
    if [ -n "${CXX:-}" ]; then
        # shellcheck disable=SC2086  # unquoted: it may hold options, or be "ccache g++"
        compiles $CXX && return
        without_hnswlib "CXX is '$CXX', which does not compile C++." \
            "Set CXX to one that does, or unset it to have g++ or clang++ searched for."
    elif compiles g++; then
        export CXX=g++ CC=${CC:-gcc}
        return
    elif compiles clang++; then
        export CXX=clang++ CC=${CC:-clang}
        return
    else
        without_hnswlib "no C++ compiler (g++ or clang++) that works was found." \
            "Debian/Ubuntu: sudo apt-get install g++" \
            "Fedora:        sudo dnf install gcc-c++" \
            "macOS:         xcode-select --install"
    fi
    return 1
}

has_python_headers() {
    [ $on_windows = no ] || return 0
    local include version
    include=$("$venv_python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
    [ -e "$include/Python.h" ] && return
    version=$(python_version "$venv_python")
    without_hnswlib "Python $version has no C headers: no $include/Python.h." \
        "Debian/Ubuntu: sudo apt-get install python$version-dev" \
        "Fedora:        sudo dnf install python$version-devel   (python3-devel for the system's own)" \
        "macOS:         brew install python@$version"
    return 1
}

# Installs hnswlib unless it is there, or says why not and how it would be.
install_hnswlib() {
    "$venv_python" -c 'import hnswlib' 2>/dev/null && return
    has_compiler && has_python_headers || return 0
    "$venv_python" -m pip install --quiet --disable-pip-version-check -e "${root}[hnsw]" && return
    local way_out="See the lines of pip above."
    [ $on_windows = no ] || way_out="If building it failed: install the Microsoft C++ Build Tools."
    without_hnswlib "pip could not install it." "$way_out"
}

# Whether .venv is whole, of a supported Python and of the one that was asked for.
venv_is_usable() {
    is_supported "$venv_python" && "$venv_python" -m pip --version >/dev/null 2>&1 || return 1
    [ -z "${TEXTZOO_PYTHON:-}" ] ||
        [ "$(python_version "$venv_python")" = "$(python_version "$TEXTZOO_PYTHON")" ]
}

make_venv() {
    if [ -e "$venv" ] || [ -L "$venv" ]; then
        say "remaking .venv: it is broken, incomplete or of another Python"
        rm -rf "$venv"
    fi
    say "making .venv with $python (Python $(python_version "$python"))"
    "$python" -m venv "$venv" || fail "$python -m venv could not make $venv; see the lines above."
}

pip_install() {
    "$venv_python" -m pip install --quiet --disable-pip-version-check "$@" && return
    fail "pip could not install the packages; see its lines above." \
        "If it was the network, run this again: what was fetched is kept."
}

# Changes with the requirements, and with the place of the checkout, which .venv refers to.
installation_checksum() {
    "$venv_python" - "$root/setup.py" <<'PYTHON'
import hashlib
import sys

path = sys.argv[1]
with open(path, "rb") as file:
    print(hashlib.sha256(path.encode() + file.read()).hexdigest())
PYTHON
}

is_installed() {
    [ "$(cat "$venv/installed$1" 2>/dev/null)" = "$(installation_checksum)" ]
}

set_up_environment() {
    local extra=${1:+[$1]}
    if ! { venv_is_usable && is_installed "$extra"; }; then
        install_textzoo "$extra"
    fi
    install_hnswlib
}

install_textzoo() {
    local extra=$1
    find_python
    check_venv_module
    venv_is_usable || make_venv
    say "installing TextZoo$extra and PaddlePaddle in .venv (about a minute, 1 GB) ..."
    # Older ones, as of the Python that comes with macOS, cannot install a checkout with -e.
    pip_install "pip>=21.3"
    pip_install -e "$root$extra"
    # An extra installs all that the plain package does.
    installation_checksum >"$venv/installed"
    installation_checksum >"$venv/installed$extra"
    say "installed"
}
