"""A guest's VLAN device for hosts whose kernel has none: frames get their tag, and lose it, in a process between."""

from tests.drivers.netlab import sh

RELAY = """
import select, socket, struct, sys
number = int(sys.argv[1])
PACKET, AUXDATA, OUTGOING = 263, 8, 4
def opened(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(PACKET, AUXDATA, 1)
    s.bind((name, 0))
    return s
trunk, plain = opened('eth0'), opened('untagged')
print('ready', flush=True)
while True:
    for s in select.select([trunk, plain], [], [])[0]:
        frame, told, _, sender = s.recvmsg(65536, 128)
        if sender[2] == OUTGOING:
            continue
        tags = [struct.unpack('IIIHHHH', data)[5] & 0xfff for _, kind, data in told
                if kind == AUXDATA and struct.unpack('IIIHHHH', data)[0] & 0x10]
        if s is plain:
            trunk.send(frame[:12] + struct.pack('!HH', 0x8100, number) + frame[12:])
        elif tags == [number]:
            plain.send(frame)
"""


def attach(lab, stack, parent, port):
    """The guest behind the trunk's port has a device for the subport's frames, in a namespace of its own."""
    if not lab.real:
        return
    room, trunk = 'guest-' + port.id[:11], lab.guests[parent.id]
    sh('ip', 'netns', 'add', room)
    lab.guests[port.id] = room
    lab.inside(parent, 'ip', 'link', 'add', 'untagged', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', room)
    lab.inside(parent, 'ip', 'link', 'set', 'untagged', 'up')
    for name in (room, trunk):
        sh('ip', 'netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1')
    lab.inside(port, 'ip', 'link', 'set', 'eth0', 'address', port.mac, 'mtu', '1400', 'up')
    for one in port.addresses:
        lab.inside(port, 'ip', 'addr', 'add', one.ip + '/24', 'dev', 'eth0')
    running = stack.enter_context(lab.process(parent, 'python3', '-c', RELAY, str(port.vlan)))
    assert running.stdout.readline() == 'ready\n'
