#!/usr/bin/env bash
# keystoneauth1 5.18.1 (requests 2.34.2 below it) logs each request as a curl command, which `openstack --debug` shows.  The
# command is made before requests drops the query parameters whose value is None.
#
# Expected: the command that is logged asks what was asked.
# Seen:     session.get(url, params={'flavor': None, 'limit': 2}) logs `?flavor=None&limit=2` and sends `?limit=2`.
#
# What it means: a request that is repeated from a client's log asks for something else (and a server may refuse or filter
# by `flavor=None`).  To learn what a client sends, look at the wire.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv v
v/bin/pip -q install --disable-pip-version-check keystoneauth1==5.18.1 requests==2.34.2
cat >look.py <<'EOF'
import http.server, io, logging, re, sys, threading
from keystoneauth1 import session

sent = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        sent.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
log = io.StringIO()
logging.basicConfig(stream=log, level=logging.DEBUG)
url = f'http://127.0.0.1:{server.server_port}'
session.Session().get(url + '/servers/detail', params={'flavor': None, 'limit': 2})
server.shutdown()
logged = re.search(rf'curl .*"{url}([^"]+)"', log.getvalue())[1]
print('logged:', logged)
print('sent:  ', sent[0])
sys.exit(not (logged == '/servers/detail?flavor=None&limit=2' and sent == ['/servers/detail?limit=2']))
EOF
v/bin/python look.py
