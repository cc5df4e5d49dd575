#!/bin/sh
# udhcpc event script: address, router, classless routes (option 121), MTU, DNS
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
say() { echo "nimbus-guest[$(cut -d' ' -f1 /proc/uptime)]: $*" >/dev/console; }
ev=$1
case $ev in
 deconfig) ip -4 addr flush dev "$interface"; ip link set "$interface" up ;;
 bound|renew)
   [ -n "$mtu" ] && ip link set "$interface" mtu "$mtu"
   ip -4 addr flush dev "$interface"
   ip addr add "$ip/${mask:-24}" ${broadcast:+broadcast $broadcast} dev "$interface"
   if [ -n "$staticroutes" ]; then
      set -- $staticroutes
      while [ $# -ge 2 ]; do
         if [ "$2" = 0.0.0.0 ]; then ip route replace "$1" dev "$interface"
         else ip route replace "$1" via "$2" dev "$interface" 2>/dev/null ||
              { ip route replace "$2/32" dev "$interface"; ip route replace "$1" via "$2" dev "$interface"; }; fi; shift 2; done
   else m=0; for r in $router; do ip route replace default via "$r" dev "$interface" metric $((m+${interface#eth})); m=$((m+100)); done; fi
   if [ -n "$dns" ]; then : >/tmp/r; [ -n "$domain" ] && echo "search $domain" >>/tmp/r
      for d in $dns; do echo "nameserver $d"; done >>/tmp/r; mv /tmp/r /etc/resolv.conf; fi
   [ "$ev" = renew ] || say "dhcp $interface got $ip/${mask:-?} gw ${router:-none} from ${serverid:-?} lease ${lease:-?}" ; touch /run/net-up ;;
 leasefail|nak) say "dhcp $interface: no lease" ;;
esac
