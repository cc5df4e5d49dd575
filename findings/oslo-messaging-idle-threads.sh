#!/usr/bin/env bash
# oslo.messaging 18.3.1 hands the calls of an RPC server to futurist's ThreadPoolExecutor (futurist 3.5.0), which makes a
# thread for each call that comes while the others are busy, up to executor_thread_pool_size (64), and keeps them all.
# Each thread that waits for work wakes once a second to see whether its pool was shut down.
#
# Expected: a server that had one burst is as quiet afterwards as before.
# Seen:     after one burst of 64 calls, 64 threads stay, and the process is woken 64 to 90 times a second for ever.
#           The standard library's executor keeps its threads too, and wakes none of them.
#
# What it means: a process with many servers (agents of several hosts, desks) spends some percent of a core doing
# nothing.  Give the server an executor of your own, or a small pool.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv v
v/bin/pip -q install --disable-pip-version-check futurist==3.5.0 oslo.messaging==18.3.1
cat >look.py <<'EOF'
import concurrent.futures, pathlib, sys, threading, time
import futurist
from stevedore import driver

SECONDS, THREADS = 5, 64


def switches():
    tasks = pathlib.Path('/proc/self/task').iterdir()
    lines = [line for task in tasks for line in (task / 'status').read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith('voluntary_ctxt_switches'))


def woken_a_second(pool):
    gate = threading.Barrier(THREADS)
    for future in [pool.submit(gate.wait) for _ in range(THREADS)]:
        future.result()
    time.sleep(1)
    before = switches()
    time.sleep(SECONDS)
    woken = (switches() - before) / SECONDS
    pool.shutdown()
    return woken


used = driver.DriverManager('oslo.messaging.executors', 'threading').driver
print('executor of an RPC server:', f'{used.__module__}.{used.__name__}')
theirs = woken_a_second(used(max_workers=THREADS))
ours = woken_a_second(concurrent.futures.ThreadPoolExecutor(THREADS))
print(f'woken a second after one burst of {THREADS} calls: {theirs:.0f} with it, {ours:.0f} with the standard library')
sys.exit(not (issubclass(used, futurist.ThreadPoolExecutor) and theirs > THREADS / 2 > 10 * ours))
EOF
v/bin/python look.py
