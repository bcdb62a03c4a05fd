# Sourced by the scripts beside it: `ensure_environment runtime` or `ensure_environment dev` makes .venv fit to run them.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$root/.venv"

# Print the path of a Python from 3.11 on; ROLLSET_PYTHON is taken at its word.
find_python() {
    local name path needs="sys" candidates=(python3.13 python3.12 python3.11 python3.14 python3 python)
    [[ -z ${ROLLSET_PYTHON-} ]] || candidates=("$ROLLSET_PYTHON")
    # Some distributions leave venv and ensurepip to a package of their own; uv needs neither.
    command -v uv >/dev/null || needs="sys, venv, ensurepip"
    for name in "${candidates[@]}"; do
        path=$(command -v "$name") || continue
        # Asking the interpreter itself also passes over version managers' shims that lead nowhere.
        "$path" -c "import $needs; sys.version_info >= (3, 11) or sys.exit(1); print(sys.executable)" 2>/dev/null && return
    done
    echo "Rollset needs Python 3.11 or newer with venv; none among: ${candidates[*]}." >&2
    echo "Install one (on Debian and Ubuntu python3-venv too), or set ROLLSET_PYTHON to its path." >&2
    return 1
}

# make_venv DIR: an empty environment.
make_venv() {
    local python
    python=$(find_python) || return
    if command -v uv >/dev/null; then
        uv venv --quiet --clear --python "$python" "$1"
    else
        "$python" -m venv --clear "$1"
    fi
}

# install_into DIR ARGS: as `pip install ARGS`, with the versions of constraints.txt.
install_into() {
    local into=$1
    shift
    if command -v uv >/dev/null; then
        uv pip install --quiet --python "$into/bin/python" --constraint "$root/constraints.txt" "$@"
        return
    fi
    "$into/bin/python" -m pip --version >/dev/null 2>&1 || "$into/bin/python" -m ensurepip >/dev/null || return
    "$into/bin/python" -m pip install -qq --disable-pip-version-check --constraint "$root/constraints.txt" "$@"
}

# What the environment was made from: its place (scripts in it name it), its Python, and the two files.
_environment_digest() {
    { echo "$root"; "$venv/bin/python" -V; cat "$root/pyproject.toml" "$root/constraints.txt"; } | cksum
}

_usable() {
    "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

ensure_environment() {
    local kind=$1 stamp="$venv/.rollset" digest
    if _usable; then
        digest=$(_environment_digest)
        if [[ -f $stamp && $(sed 1d "$stamp") == "$digest" ]]; then
            # What suffices for development suffices for running.
            [[ $(head -n 1 "$stamp") == dev || $kind == runtime ]] && return
        fi
        [[ -f $stamp && $(head -n 1 "$stamp") == dev ]] && kind=dev
    fi
    echo "Setting up .venv ($kind); the first time this takes a minute or two ..." >&2
    if ! _usable || [[ -f $venv/.root && $(cat "$venv/.root") != "$root" ]]; then
        make_venv "$venv" || return
    fi
    rm -f "$stamp"
    if [[ $kind == dev ]]; then
        "$venv/bin/python" - "$root/pyproject.toml" >"$venv/dev-requirements.txt" <<'PYTHON' || return
import sys, tomllib

# pip reads dependency groups from 25.1 on; a venv of Python 3.11 brings an older one.
with open(sys.argv[1], "rb") as source:
    print(*tomllib.load(source)["dependency-groups"]["dev"], sep="\n")
PYTHON
        install_into "$venv" -e "$root" -r "$venv/dev-requirements.txt" || return
    else
        install_into "$venv" -e "$root" || return
    fi
    echo "$root" >"$venv/.root"
    { echo "$kind"; _environment_digest; } >"$stamp"
}
