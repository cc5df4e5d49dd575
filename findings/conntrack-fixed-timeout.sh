#!/usr/bin/env bash
# Linux (seen with 6.18): a tracked connection that was given IPS_FIXED_TIMEOUT by ctnetlink, so that packets no more renew
# its timeout, keeps it.  pyroute2 0.9.7 speaks to the kernel here.
#
# Expected: an update whose status lacks the bit clears it, or is refused, as one that lacks IPS_ASSURED is (EBUSY).
# Seen:     it is acknowledged, and the bit is still there.  From then on no other timeout can be set either (EPERM).
#
# What it means: an acknowledged change of status is no proof of it.  To give an entry timeouts of the usual kind again,
# delete it and make it anew.
set -euo pipefail
skip() { echo "cannot be looked at here: $1"; exit 0; }
[ "$(id -u)" = 0 ] || skip 'it needs root, for a network namespace'
unshare --net true 2>/dev/null || skip 'no network namespace can be made'
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv v
v/bin/pip -q install --disable-pip-version-check pyroute2==0.9.7
cat >look.py <<'EOF'
import platform, socket, sys
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink import nfctsocket

SEEN_REPLY, ASSURED, CONFIRMED, FIXED = (
    nfctsocket.IPS_SEEN_REPLY, nfctsocket.IPS_ASSURED, nfctsocket.IPS_CONFIRMED, nfctsocket.IPS_FIXED_TIMEOUT
)
BASE = SEEN_REPLY | ASSURED | CONFIRMED
try:
    tracked = nfctsocket.NFCTSocket()
    tracked.stat()
except (OSError, NetlinkError) as why:
    print('cannot be looked at here: the kernel has no ctnetlink:', why)
    sys.exit(0)


def one(source, target):
    return nfctsocket.NFCTAttrTuple(socket.AF_INET, source, target, socket.IPPROTO_UDP, sport=1000, dport=2000)


there, back = one('192.0.2.1', '192.0.2.2'), nfctsocket.NFCTAttrTuple(
    socket.AF_INET, '192.0.2.2', '192.0.2.1', socket.IPPROTO_UDP, sport=2000, dport=1000
)


def entry():
    found = [reply for reply in tracked.dump()]
    assert len(found) == 1, found
    return found[0].get_attr('CTA_STATUS'), found[0].get_attr('CTA_TIMEOUT')


def change(**what):
    try:
        tracked.entry('set', tuple_orig=there, tuple_reply=back, **what)
        return 'acknowledged'
    except NetlinkError as why:
        return str(why)


tracked.entry('add', timeout=1000, status=BASE, tuple_orig=there, tuple_reply=back)
steps = []
for words, what in (
    ('timeout of 2000', {'timeout': 2000}),
    ('status with FIXED_TIMEOUT', {'status': BASE | FIXED}),
    ('status without it', {'status': BASE}),
    ('status without ASSURED', {'status': BASE & ~ASSURED}),
    ('timeout of 3000', {'timeout': 3000}),
):
    answer = change(**what)
    status, left = entry()
    steps.append((answer, bool(status & FIXED), bool(status & ASSURED), round(left, -2)))
    print(f'{words:26} {answer}; FIXED_TIMEOUT {steps[-1][1]}, ASSURED {steps[-1][2]}, timeout {left} s')
print('Linux', platform.release())
sys.exit(steps != [
    ('acknowledged', False, True, 2000),
    ('acknowledged', True, True, 2000),
    ('acknowledged', True, True, 2000),
    ("(16, 'Device or resource busy')", True, True, 2000),
    ("(1, 'Operation not permitted')", True, True, 2000),
])
EOF
unshare --net v/bin/python look.py
