"""Block tracked connections (conntrack entries) that a host's security group rules no longer allow.

An entry that is only deleted comes back: the other end's next packet begins
it anew, the other way round, and a rule for that way may allow it.  So a flow
that is blocked stays in the kernel's table, marked, and its port's filter drops
what belongs to a marked flow whichever end sends it.
"""

import errno
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

from pyroute2.netlink import NETLINK_NETFILTER, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST
from pyroute2.netlink.nfnetlink import NFNL_SUBSYS_CTNETLINK, nfctsocket
from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple

from nimbus.network.agent.firewall.allowed_traffic import IPV4, IPV6, NUMBERS, Flow
from nimbus.network.agent.host.command import run

# A zone is 16 bits; the low ones are left to whoever else numbers zones by VLAN.
FIRST_ZONE, LAST_ZONE = 4097, 65000
FAMILIES = {IPV4: ('ipv4', socket.AF_INET), IPV6: ('ipv6', socket.AF_INET6)}
KEEP, HOLD, RELEASE, DROP = 'keep', 'hold', 'release', 'drop'
CREATE = (nfctsocket.IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL)
CHANGE, DELETE = (nfctsocket.IPCTNL_MSG_CT_NEW, 0), (nfctsocket.IPCTNL_MSG_CT_DELETE, 0)
HEADER = 16  # bytes of a netlink message before its payload
HELD = 0x40000000  # the mark of a blocked flow
# A stream can be silent for as long as the kernel remembers one.  What has no stream is over much sooner, and then a
# guest that speaks from the same port to the same port begins something of its own.
STREAMS = (NUMBERS['tcp'], NUMBERS['sctp'], NUMBERS['dccp'])
HOLD_STREAM, HOLD_OTHER = 432000, 600  # seconds
AFRESH = 120  # seconds, until packets say how long
RELEASES = 5  # how often a packet may come in between
# The timeout is neither renewed by packets nor shortened by what they say; replied and assured flows are not evicted.
STATUS = nfctsocket.IPS_CONFIRMED | nfctsocket.IPS_SEEN_REPLY | nfctsocket.IPS_ASSURED
HELD_STATUS = STATUS | nfctsocket.IPS_FIXED_TIMEOUT
ESTABLISHED = {'attrs': [['CTA_PROTOINFO_TCP', {'attrs': [['CTA_PROTOINFO_TCP_STATE', 3]]}]]}


class Tracked:
    """One line of `conntrack -L`: its zone and the packet it began with."""

    def __init__(self, line: str, ethertype: str) -> None:
        words = line.split()
        self.ethertype = ethertype
        self.protocol = int(words[1])
        self.facts: dict[str, str] = {}
        for word in words:
            name, equals, value = word.partition('=')
            if equals:
                # The original direction stands first; the reply's fields come after it.
                self.facts.setdefault(name, value)
        self.zone = int(self.facts.get('zone', 0))
        self.established = 'ESTABLISHED' in words
        self.held = bool(int(self.facts.get('mark', 0)) & HELD)

    def flow(self, direction: str) -> Flow:
        """The flow as the guest sees it, if its first packet went in that direction."""
        return Flow(
            direction, self.ethertype, self.facts['dst' if direction == 'egress' else 'src'], self.protocol,
            _number(self.facts.get('dport', self.facts.get('type'))), _number(self.facts.get('code')),
        )  # fmt: skip

    def key(self) -> NFCTAttrTuple:
        """What the kernel finds exactly this entry by, beside its zone."""
        facts = self.facts
        return NFCTAttrTuple(
            FAMILIES[self.ethertype][1], facts['src'], facts['dst'], self.protocol,
            _number(facts.get('sport', facts.get('srckey'))), _number(facts.get('dport', facts.get('dstkey'))),
            _number(facts.get('id')), _number(facts.get('type')), _number(facts.get('code')),
        )  # fmt: skip


def judge(verdict: Callable[[Tracked], str], held_only: bool = False) -> int:
    """Each entry of our zones is kept, blocked, released or gone, as the verdict says; returns how many are blocked."""
    held = 0
    for ethertype, (name, _) in FAMILIES.items():
        marked = ('--mark', f'{HELD:#x}/{HELD:#x}') if held_only else ()
        found = [Tracked(line, ethertype) for line in run('conntrack', '-L', '-f', name, *marked).splitlines()]
        judged = [(entry, verdict(entry)) for entry in found if FIRST_ZONE <= entry.zone <= LAST_ZONE]
        held += sum(entry.held if said == KEEP else said == HOLD for entry, said in judged)
        changes = [
            (entry, said) for entry, said in judged if said in (DROP, RELEASE) or (said == HOLD and not entry.held)
        ]
        if changes:
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as kernel:
                for entry, said in changes:
                    ORDERS[said](kernel, entry)
    return held


def _hold(kernel: socket.socket, entry: Tracked) -> None:
    seconds = HOLD_STREAM if entry.protocol in STREAMS else HOLD_OTHER
    facts = {'mark': HELD, 'mark_mask': HELD, 'timeout': seconds, 'status': HELD_STATUS}
    if _order(kernel, CHANGE, entry, **facts) not in (0, errno.ENOENT):
        # One that a helper expected cannot be changed so.
        _drop(kernel, entry)


def _release(kernel: socket.socket, entry: Tracked) -> None:
    """The flow keeps the direction in which it began, whichever way its next packet goes."""
    if entry.protocol not in STREAMS:
        facts: dict[str, Any] = {'timeout': AFRESH, 'status': STATUS}
    elif entry.established and entry.protocol == NUMBERS['tcp']:
        facts = {'timeout': HOLD_STREAM, 'status': STATUS, 'protoinfo': ESTABLISHED}
    else:
        _drop(kernel, entry)
        return
    for _ in range(RELEASES):
        # A fixed timeout is never taken back from an entry, so this one goes; a packet may come before the next stands.
        _drop(kernel, entry)
        if _order(kernel, CREATE, entry, tuple_reply=entry.key().reverse(), **facts) != errno.EEXIST:
            return


def _drop(kernel: socket.socket, entry: Tracked) -> None:
    code = _order(kernel, DELETE, entry)
    if code not in (0, errno.ENOENT):
        raise OSError(code, f'A tracked connection of {entry.facts["src"]} cannot be changed: {os.strerror(code)}')


def _order(kernel: socket.socket, order: tuple[int, int], entry: Tracked, **facts: Any) -> int:
    """The kernel's answer to an order about one entry: an errno, 0 when it was done.

    The library's own socket takes three times as long, and thousands of flows may go with one rule.
    """
    message = nfctsocket.nfct_msg.create_from(zone=entry.zone, tuple_orig=entry.key(), **facts)
    message['nfgen_family'] = FAMILIES[entry.ethertype][1]
    message['header']['type'] = order[0] | NFNL_SUBSYS_CTNETLINK << 8
    message['header']['flags'] = NLM_F_REQUEST | NLM_F_ACK | order[1]
    message.encode()
    kernel.send(message.data)
    return -int(struct.unpack_from('=i', kernel.recv(65536), HEADER)[0])


ORDERS = {HOLD: _hold, RELEASE: _release, DROP: _drop}


def _number(value: str | None) -> int | None:
    return None if value is None else int(value, 0)
