#!/usr/bin/env bash
# iptables 1.8.9 (Debian 12) keeps "any type of ICMP" as the number 255, and takes the number 255 for it.
#
# Expected: `-p icmp --icmp-type 255` matches packets of type 255 (reserved, never seen), as 254 matches those of 254.
# Seen:     it is listed as `--icmp-type any` and counts every ping.
#
# What it means: whoever makes rules out of numbers that users give (a security group's rule may name types 0 to 255) must
# leave that rule out, or match the type otherwise.
set -euo pipefail
VERSION=1.8.9
skip() { echo "cannot be looked at here: $1"; exit 0; }
[ "$(id -u)" = 0 ] || skip 'it needs root, for a network namespace'
command -v iptables >/dev/null || skip "iptables $VERSION of Debian 12 is not installed"
[[ $(iptables -V) == *"v$VERSION "* ]] || skip "it is about iptables $VERSION of Debian 12, and here is $(iptables -V)"
command -v ping >/dev/null || skip 'ping is not installed'
[ "${1-}" = inside ] || unshare --net iptables -S >/dev/null 2>&1 || skip 'no network namespace with iptables can be made'
[ "${1-}" = inside ] || exec unshare --net "$0" inside
ip link set lo up
iptables -A INPUT -p icmp --icmp-type 254
iptables -A INPUT -p icmp --icmp-type 255
ping -c 1 -W 5 127.0.0.1 >/dev/null
listed=$(iptables -v -S INPUT | grep -e '-p icmp')
echo "$listed"
first=$(head -n 1 <<<"$listed")
second=$(tail -n 1 <<<"$listed")
[[ $first == *'--icmp-type 254 -c 0 0' && $second == *'--icmp-type any -c 2 '* ]]
