#!/usr/bin/env bash
# neutron-lib 5.0.1 checks the service types of a subnet against the owners of devices that it knows, and lets
# `compute:` stand before any zone.  The list of what a type may begin with is extended by the text, not by a list of it.
#
# Expected: `network:dhcp` and `compute:nova` pass, and `cake` and `test:type_1` are told to be invalid.
# Seen:     whatever begins with one of the letters c, o, m, p, u, t, e, or with a colon, passes: `cake` and `test:type_1` do,
#           `nothing` (whose n is none of them) and `baggage` do not.
#
# What it means: suites that were written against it name types such as `test:type_1`; an API that checks the list as it
# was meant refuses them.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv v
v/bin/pip -q install --disable-pip-version-check neutron-lib==5.0.1
cat >look.py <<'PY'
import sys
from neutron_lib import exceptions
from neutron_lib.api import validators

check = validators.get_validator('type:list_of_subnet_service_types')
seen = {}
for name in ('compute:nova', 'network:dhcp', 'cake', 'test:type_1', 'nothing', 'baggage'):
    try:
        seen[name] = check([name]) is None
    except exceptions.InvalidSubnetServiceType:
        seen[name] = False
    print(f'{name}: {"passes" if seen[name] else "is invalid"}')
sys.exit(seen != {'compute:nova': True, 'network:dhcp': True, 'cake': True, 'test:type_1': True, 'nothing': False,
                  'baggage': False})
PY
v/bin/python look.py
