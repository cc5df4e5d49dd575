#!/bin/sh
# run by busybox uevent for each kernel event
[ "$SUBSYSTEM" = net ] || [ "$SUBSYSTEM" = block ] || exit 0
case "$ACTION-$SUBSYSTEM" in
 add-net)      case $INTERFACE in eth*) [ -e /run/udhcpc.$INTERFACE.pid ] || /etc/ifup.sh $INTERFACE & ;; esac ;;
 remove-net)   kill "$(cat /run/udhcpc.$INTERFACE.pid 2>/dev/null)" 2>/dev/null; rm -f /run/udhcpc.$INTERFACE.pid ;;
 add-block|remove-block|change-block) [ "$DEVTYPE" = disk ] || exit 0 ;;
 *) exit 0 ;;
esac
echo "nimbus-guest[$(cut -d' ' -f1 /proc/uptime)]: hotplug $ACTION $SUBSYSTEM ${DEVNAME}${INTERFACE}" >/dev/console
