#!/usr/bin/env bash
# Routes 2.5.1: whether a path with a slash at its end is found depends on `minimization`, an option about parts of a path
# that have defaults.  With it the pattern that is made of a route ends in `/?`; without it, as a mapper begins, the pattern
# ends where the route does.
#
# Expected: turning off what shortens URLs with defaults leaves routes without defaults as they are.
# Seen:     without minimization `/servers/` is not found although `/servers` is.
#
# What it means: a service whose clients write the last slash must strip it before the mapper sees the path, or connect
# both paths; to turn the option off is a change of the API.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv v
v/bin/pip -q install --disable-pip-version-check Routes==2.5.1
cat >look.py <<'EOF'
import sys
import routes

PATHS = ('/servers', '/servers/', '/servers/1', '/servers/1/')


def found(minimization):
    mapper = routes.Mapper()
    mapper.minimization = minimization
    mapper.connect('/servers', controller='servers', action='index')
    mapper.connect('/servers/{id}', controller='servers', action='show')
    mapper.create_regs([])
    return [path for path in PATHS if mapper.match(path)]


print('without a word, minimization is', routes.Mapper().minimization)
for minimization in (True, False):
    print(f'minimization={minimization}: found', *found(minimization))
sys.exit(not (found(True) == list(PATHS) and found(False) == ['/servers', '/servers/1']))
EOF
v/bin/python look.py
