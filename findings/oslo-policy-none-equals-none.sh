#!/usr/bin/env bash
# oslo.policy 6.0.1 compares the two sides of a check such as `project_id:%(target.project_id)s` as text, and None becomes
# the text 'None'.
#
# Expected: a caller without a project does not share the project of a target that has none; SQL's NULL does not either.
# Seen:     None on both sides is a match, and so is None beside the text 'None'.  A target that lacks the key, or a caller
#           who does, is no match: what is absent and what is None differ.
#
# What it means: for a target whose owner may be None (a public image, a shared network, a domain's own role) leave the key
# out of the target, or ask for the owner in a check of its own.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv v
v/bin/pip -q install --disable-pip-version-check oslo.config==10.7.0 oslo.policy==6.0.1
cat >look.py <<'EOF'
import sys
from oslo_config import cfg
from oslo_policy import policy

conf = cfg.ConfigOpts()
conf([], default_config_files=[])
enforcer = policy.Enforcer(conf, use_conf=False)
enforcer.set_rules(policy.Rules.from_dict({'own': 'project_id:%(target.project_id)s'}))
CASES = (  # target, caller, what is seen
    ({'target.project_id': 'a'}, {'project_id': 'a'}, True),
    ({'target.project_id': 'a'}, {'project_id': None}, False),
    ({'target.project_id': None}, {'project_id': None}, True),
    ({'target.project_id': None}, {'project_id': 'None'}, True),
    ({'target.project_id': None}, {}, False),
    ({}, {'project_id': None}, False),
)
found = [enforcer.enforce('own', target, caller) for target, caller, _ in CASES]
for (target, caller, _), match in zip(CASES, found):
    print(f'target {target!s:32} caller {caller!s:24} match: {match}')
sys.exit(found != [seen for *_, seen in CASES])
EOF
v/bin/python look.py
