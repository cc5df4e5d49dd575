# Sourced by the commands: a Python, the system packages and the virtual environment.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv
export NIMBUS_DEVSTACK_BEGAN=${NIMBUS_DEVSTACK_BEGAN:-$EPOCHREALTIME}
export PYTHONPATH=$ROOT

say() {
    awk -v now="$EPOCHREALTIME" -v began="$NIMBUS_DEVSTACK_BEGAN" -v text="$*" 'BEGIN { printf "[%6.1fs] %s\n", now - began, text }'
}

fail() {
    echo "devstack: $*" >&2
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || fail "$1 needs root; run it with sudo."
}

asks_for_help() {
    case " $* " in *' -h '* | *' --help '*) ;; *) false ;; esac
}

find_python() {
    local candidate
    for candidate in python3 /usr/bin/python3; do
        # The interpreter itself: what stands on the PATH may be a script that looks for it each time.
        PYTHON=$("$candidate" -c 'import sys; sys.version_info >= (3, 11) and print(sys.executable)' 2>/dev/null) || continue
        [ -n "$PYTHON" ] && return
    done
    fail 'python3 on the PATH is older than 3.11 or missing; install python3 (apt-get install python3).'
}

# install_packages GROUP...: what is missing of these groups of devstack/packages.txt.
install_packages() {
    "$PYTHON" -m devstack.packages "$@"
}

# venv_wanted EXTRAS: what .venv is made of, as one word.
venv_wanted() {
    local version
    version=$("$VENV/bin/python" --version 2>/dev/null) || { echo 'no interpreter'; return; }
    { echo "$version"; echo "$ROOT $1"; cat "$ROOT/pyproject.toml" "$ROOT/setup.cfg"; } | sha256sum
}

# make_venv EXTRA...: the checkout is installed in .venv with these extras and those it had before.
make_venv() {
    local stamp=$VENV/.nimbus extras wanted
    exec 8>"$ROOT/.venv.lock"
    flock 8
    extras=$( { printf '%s\n' "$@"; cat "$stamp.extras" 2>/dev/null || true; } | sed "/^$/d" | sort -u)
    wanted=$(venv_wanted "$extras")
    if [ "$wanted" != "$(cat "$stamp.stamp" 2>/dev/null)" ]; then
        if ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
            "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || { need_root 'Installing python3-venv'; install_packages python; }
            say 'creating the virtual environment .venv'
            "$PYTHON" -m venv --clear "$VENV"
            wanted=$(venv_wanted "$extras")
        fi
        say "installing nimbus and its libraries into .venv ($(echo $extras)): 100 MB, half a minute to three"
        "$VENV/bin/python" -m pip install -qq --disable-pip-version-check -e "$ROOT[$(echo "$extras" | paste -sd,)]"
        echo "$extras" >"$stamp.extras"
        echo "$wanted" >"$stamp.stamp"
    fi
    exec 8>&-
}
