#!/usr/bin/env bash
# haproxy 2.6.12 (Debian 12) cannot be told the zone of an IPv6 address, and a link-local address is none without it.
#
# Expected: `bind [fe80::a9fe:a9fe%NAME]:80`, as sockets, curl and ip write it, binds on the interface NAME.
# Seen:     with %NAME the line is refused as an invalid address; without it the kernel answers "Invalid argument" even
#           where one interface alone has the address.  `bind fe80::a9fe:a9fe:80 interface NAME` works, and is what the
#           manual lists for another purpose: to hear on that interface only.
#
# What it means: a metadata service on IPv6 is bound by `interface NAME`, which wants CAP_NET_RAW or root in the namespace.
set -euo pipefail
VERSION=2.6.12
skip() { echo "cannot be looked at here: $1"; exit 0; }
[ "$(id -u)" = 0 ] || skip 'it needs root, for a network namespace'
command -v haproxy >/dev/null || skip "haproxy $VERSION of Debian 12 is not installed"
[[ $(haproxy -v) == *"version $VERSION"* ]] || skip "it is about haproxy $VERSION of Debian 12, and another is installed"
command -v ss >/dev/null || skip 'ss of iproute2 is not installed'
[ "${1-}" = inside ] || unshare --net true 2>/dev/null || skip 'no network namespace can be made'
[ "${1-}" = inside ] || exec unshare --net "$0" inside
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
ip link add one type veth peer name two
ip link set one up
ip link set two up
ip -6 address add fe80::a9fe:a9fe/64 dev one nodad

try() {  # what haproxy says of a bind line: that it serves there, or why not
    cat >haproxy.cfg <<EOF
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
listen all
    bind $1
    http-request return status 200
EOF
    haproxy -db -f haproxy.cfg >said 2>&1 &
    local began=$SECONDS
    while kill -0 $! 2>/dev/null; do
        if ss -Hltn | grep -q ':8080 '; then
            kill $!
            wait $! || true
            echo serves
            return
        fi
        ((SECONDS - began < 30)) || { kill $!; break; }
        sleep 0.1
    done
    wait $! || true
    grep -oE 'cannot bind socket \([^)]*\)|invalid address' said | head -n 1
}

with_zone=$(try '[fe80::a9fe:a9fe%one]:8080')
plain=$(try 'fe80::a9fe:a9fe:8080')
with_interface=$(try 'fe80::a9fe:a9fe:8080 interface one')
echo "[fe80::a9fe:a9fe%one]:8080:          $with_zone"
echo "fe80::a9fe:a9fe:8080:                $plain"
echo "fe80::a9fe:a9fe:8080 interface one:  $with_interface"
[ "$with_zone/$plain/$with_interface" = 'invalid address/cannot bind socket (Invalid argument)/serves' ]
