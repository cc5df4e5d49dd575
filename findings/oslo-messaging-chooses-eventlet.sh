#!/usr/bin/env bash
# oslo.messaging 18.3.1 imports oslo.service 4.8.0, whose concurrency back end is chosen once in a process: by
# `init_backend`, or by whoever first asks for a part of it.  `import oslo_messaging` asks.
#
# Expected: an import decides nothing; a program that uses threads says so in its main, after its imports.
# Seen:     after `import oslo_messaging` the back end is eventlet, and init_backend(THREADING) raises
#           BackendAlreadySelected.  Said before the import it holds.
#
# What it means: the choice belongs before the first import that may lead to oslo.messaging, at the top of the package that
# holds the mains (linters that move imports up break it).
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv v
v/bin/pip -q install --disable-pip-version-check oslo.messaging==18.3.1 'oslo.service[threading]==4.8.0' eventlet==0.41.3
cat >look.py <<'EOF'
import sys

if sys.argv[1] == 'before':
    from oslo_service import backend

    backend.init_backend(backend.BackendType.THREADING)
import oslo_messaging
from oslo_service import backend

if sys.argv[1] == 'after':
    try:
        backend.init_backend(backend.BackendType.THREADING)
    except Exception as why:
        print('chosen after the import: ', type(why).__name__, why)
        sys.exit(type(why).__name__ != 'BackendAlreadySelected')
print(f'chosen {sys.argv[1]} the import:', backend.get_backend_type())
sys.exit(not (sys.argv[1] == 'before' and backend.get_backend_type() is backend.BackendType.THREADING))
EOF
v/bin/python -W ignore look.py before
v/bin/python -W ignore look.py after
