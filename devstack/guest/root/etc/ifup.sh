#!/bin/sh
# ifup.sh IFACE: bring the link up and ask for an address; falls back to network_data.json
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
i=$1; ip link set "$i" up; echo "nimbus-guest[$(cut -d' ' -f1 /proc/uptime)]: dhcp on $i $(cat /sys/class/net/$i/address)" >/dev/console
exec udhcpc -i "$i" -p /run/udhcpc.$i.pid -t 15 -T 1 -A 3 -b -S -x hostname:"$(hostname)" \
     -O staticroutes -O mtu -O search -s /etc/udhcpc.sh >/dev/null 2>&1
