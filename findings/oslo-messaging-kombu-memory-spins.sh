#!/usr/bin/env bash
# oslo.messaging 18.3.1 runs within one process over kombu 5.7.0's transport in memory, by the URL `kombu+memory://`, and
# sets that transport's polling interval to zero.
#
# Expected: a server that nobody calls waits for a message and costs nothing.
# Seen:     it looks for one thousands of times a second: one idle server takes a third of a core, eight most of one.  With
#           the library's own `fake://`, which sleeps 50 ms between two looks, eight take one to three percent.
#
# What it means: a process with many servers (all daemons of a cloud in one, the agents of many hosts) wants another bus.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv v
v/bin/pip -q install --disable-pip-version-check kombu==5.7.0 oslo.messaging==18.3.1 'oslo.service[threading]==4.8.0'
cat >look.py <<'EOF'
import os, pathlib, subprocess, sys, time

SECONDS, MANY = 4, 500  # wake-ups a second and server


def switches():
    tasks = pathlib.Path('/proc/self/task').iterdir()
    lines = [line for task in tasks for line in (task / 'status').read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith('voluntary_ctxt_switches'))


def idle(url, servers):
    from oslo_service import backend

    backend.init_backend(backend.BackendType.THREADING)
    import oslo_messaging
    from oslo_config import cfg

    cfg.CONF([], default_config_files=[])
    transport = oslo_messaging.get_rpc_transport(cfg.CONF, url)
    for number in range(servers):
        target = oslo_messaging.Target(topic=f'topic-{number}', server='one')
        oslo_messaging.get_rpc_server(transport, target, [object()], executor='threading').start()
    time.sleep(2)
    used, woken = time.process_time(), switches()
    time.sleep(SECONDS)
    print((switches() - woken) / SECONDS, (time.process_time() - used) / SECONDS, flush=True)
    os._exit(0)


if sys.argv[1:]:
    idle(sys.argv[1], int(sys.argv[2]))
woken_by = {}
for url in ('kombu+memory://', 'fake://'):
    for servers in (1, 8):
        command = [sys.executable, '-W', 'ignore', __file__, url, str(servers)]
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
        woken, used = map(float, out.split())
        print(f'{url:16} {servers} servers: woken {woken:.0f} times a second, {100 * used:.1f} % of a core')
        woken_by.setdefault(url, []).append(woken / servers)
sys.exit(not (min(woken_by['kombu+memory://']) > MANY > 10 * max(woken_by['fake://'])))
EOF
v/bin/python look.py
