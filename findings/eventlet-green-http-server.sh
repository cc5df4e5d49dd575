#!/usr/bin/env bash
# eventlet 0.41.3: to import eventlet.wsgi, without any monkey-patching, replaces http.server for the whole process if
# http.server was imported before.  The copy is made for greenlets; sys.modules still holds the original, but the
# attribute `server` of the package `http` is the copy, and it is the attribute that `import http.server` hands out.
#
# Expected: a library that is not monkey-patched changes nothing of the standard library.
# Seen:     ThreadingHTTPServer made afterwards answers its requests in greenlets of one thread: four requests that each
#           block for 0.3 s take 1.2 s in all instead of 0.3 s.
#
# What it means: in a process with eventlet.wsgi take http.server from sys.modules, or put it back:
# `http.server = sys.modules['http.server']` after the import.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv v
v/bin/pip -q install --disable-pip-version-check eventlet==0.41.3
cat >look.py <<'EOF'
import concurrent.futures, http.client, http.server, subprocess, sys, time

REQUESTS, BLOCKED = 4, 0.3


def get(port):
    link = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
    link.request('GET', '/')
    return link.getresponse().read()


def serve(module):
    """Serve for good, with the server of that module; print the port."""

    class Slow(module.BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(BLOCKED)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = module.ThreadingHTTPServer(('127.0.0.1', 0), Slow)
    print(server.server_port, flush=True)
    server.serve_forever()


def seconds_for_all(how):
    server = subprocess.Popen([sys.executable, '-W', 'ignore', __file__, how], stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline())
        with concurrent.futures.ThreadPoolExecutor(REQUESTS) as pool:
            begun = time.monotonic()
            list(pool.map(get, [port] * REQUESTS))
            return time.monotonic() - begun
    finally:
        server.kill()
        server.wait()


if sys.argv[1:]:
    before = http.server
    import eventlet.wsgi
    import http.server  # as any other module of the process would write

    serve(before if sys.argv[1] == 'before' else http.server)
original = http.server
import eventlet.wsgi
import http.server

same, kept = http.server is original, sys.modules['http.server'] is original
print(f'after `import eventlet.wsgi`, http.server is the original: {same}; sys.modules holds the original: {kept}')
before, after = seconds_for_all('before'), seconds_for_all('after')
print(f'{REQUESTS} requests that block {BLOCKED} s: {before:.1f} s with the module imported before, {after:.1f} s with the one after')
sys.exit(not (not same and kept and after >= REQUESTS * BLOCKED > 1.5 * before))
EOF
v/bin/python -W ignore look.py
