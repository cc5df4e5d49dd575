"""A DHCPv6 client of a few lines, run inside a guest: prints the address it is given and the servers of names."""

import ipaddress
import os
import socket
import struct
import sys

SOLICIT, ADVERTISE, REQUEST, REPLY, INFORMATION = 1, 2, 3, 7, 11
CLIENT, SERVER, IA_NA, IA_ADDRESS, WANTED, ELAPSED, NAME_SERVERS = 1, 2, 3, 5, 6, 8, 23
SERVERS = ('ff02::1:2', 547)


def option(code, value):
    return struct.pack('!HH', code, len(value)) + value


def options(data):
    found = {}
    while len(data) >= 4:
        code, size = struct.unpack('!HH', data[:4])
        found[code] = data[4 : 4 + size]
        data = data[4 + size :]
    return found


def ask(wire, kind, own, *more):
    """The options of the answer."""
    number = os.urandom(3)
    common = own + option(WANTED, struct.pack('!H', NAME_SERVERS)) + option(ELAPSED, b'\0\0')
    message = bytes([kind]) + number + common + b''.join(more)
    for _ in range(5):
        wire.sendto(message, SERVERS)
        try:
            answer = wire.recv(2048)
        except TimeoutError:
            continue
        if answer[1:4] == number:
            return options(answer[4:])
    return {}


def main(link, mac, only=None):
    index = socket.if_nametoindex(link)
    own = option(CLIENT, b'\0\3\0\1' + bytes.fromhex(mac.replace(':', '')))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as wire:
        wire.bind(('::', 546))
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        wire.settimeout(1)
        if only:
            told = ask(wire, INFORMATION, own)
        else:
            offer = ask(wire, SOLICIT, own, option(IA_NA, b'\0\0\0\1' + bytes(8)))
            kept = [option(code, offer[code]) for code in (SERVER, IA_NA) if code in offer]
            told = ask(wire, REQUEST, own, *kept) if len(kept) == 2 else {}
    address = options(told.get(IA_NA, b'')[12:]).get(IA_ADDRESS, b'')[:16]
    servers = told.get(NAME_SERVERS, b'')
    print(ipaddress.IPv6Address(address) if address else '')
    print(*(ipaddress.IPv6Address(servers[at : at + 16]) for at in range(0, len(servers), 16)))


if __name__ == '__main__':
    main(*sys.argv[1:])
