#!/usr/bin/env bash
# oslo.config 10.7.0 reads options from the environment (OS_GROUP__OPTION), and takes the text of one that may be given many
# times (MultiOpt, MultiStrOpt) for the list of its values.
#
# Expected: OS_DEFAULT__DRIVER=messaging gives ['messaging'], as `driver = messaging` in a file does.
# Seen:     ['m', 'e', 's', 's', 'a', 'g', 'i', 'n', 'g'], without a complaint.  A ListOpt is read as it should be.
#
# What it means: options of that kind, such as `driver` in [oslo_messaging_notifications], can be set in files only; a
# container that is configured by its environment alone gets one value for each letter.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv v
v/bin/pip -q install --disable-pip-version-check oslo.config==10.7.0
cat >look.py <<'EOF'
import os, sys
from oslo_config import cfg


def read(*arguments):
    conf = cfg.ConfigOpts()
    conf.register_opts([cfg.MultiStrOpt('driver'), cfg.ListOpt('names')])
    conf(list(arguments), default_config_files=[])
    return conf.driver, conf.names


with open('one.conf', 'w') as file:
    file.write('[DEFAULT]\ndriver = messaging\nnames = a,b\n')
of_file = read('--config-file', 'one.conf')
os.environ.update(OS_DEFAULT__DRIVER='messaging', OS_DEFAULT__NAMES='a,b')
of_environment = read()
print('from a file:         ', *of_file)
print('from the environment:', *of_environment)
sys.exit(not (of_file == (['messaging'], ['a', 'b']) and of_environment == (list('messaging'), ['a', 'b'])))
EOF
v/bin/python look.py
