#!/usr/bin/env bash
# oslo.messaging 18.3.1: get_rpc_transport(conf, url) takes a configuration, registers its options there and opens the
# transport.  The options of tracing are read from it too, but the import registers them on cfg.CONF and nowhere else.
#
# Expected: a ConfigOpts of one's own works as cfg.CONF does; that is what the argument is for.
# Seen:     each call raises NoSuchOptError: no such option oslo_messaging_tracing in group [DEFAULT].  With cfg.CONF, or
#           with these options registered by hand, the same call is answered.
#
# What it means: give cfg.CONF to every transport, and what differs between two of them in their URLs.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv v
v/bin/pip -q install --disable-pip-version-check oslo.config==10.7.0 oslo.messaging==18.3.1
cat >look.py <<'EOF'
import sys
import oslo_messaging
from oslo_config import cfg


class Endpoint:
    def double(self, context, number):
        return 2 * number


def outcome(conf, topic):
    conf([], default_config_files=[])
    transport = oslo_messaging.get_rpc_transport(conf, 'fake://')
    target = oslo_messaging.Target(topic=topic, server='one')
    server = oslo_messaging.get_rpc_server(transport, target, [Endpoint()], executor='threading')
    server.start()
    client = oslo_messaging.get_rpc_client(transport, oslo_messaging.Target(topic=topic), timeout=30)
    try:
        return client.call({}, 'double', number=2)
    except cfg.NoSuchOptError as why:
        return str(why)
    finally:
        server.stop()
        server.wait()


of_its_own, of_all = outcome(cfg.ConfigOpts(), 'own'), outcome(cfg.CONF, 'all')
print('a ConfigOpts of its own:', of_its_own)
print('cfg.CONF:               ', of_all)
sys.exit(not ('no such option oslo_messaging_tracing' in str(of_its_own) and of_all == 4))
EOF
v/bin/python -W ignore look.py
