"""Two guests of a real cloud and their network's DHCP namespace, between which flows of every kind go on."""

import base64
import collections
import gzip
import itertools
import pathlib
import subprocess

from devstack import demo, processes

CIDRS = {4: '10.101.0.0/24', 6: '2001:db8:c::/64'}
SERVED, ASKING = {4: '10.101.0.10', 6: '2001:db8:c::10'}, {4: '10.101.0.20', 6: '2001:db8:c::20'}
PAIRED = {4: '10.101.0.30', 6: '2001:db8:c::30'}  # what the asking guest may use beside its own
KINDS = tuple(itertools.product(('tcp', 'udp'), (4, 6)))
# Who asks whom at which port: the namespace the served guest, the asking guest the served one, and the other way round.
REMOTE, GUESTS, BACK, TO_PAIR = (8000, 8100, 9000), (8200, 8300, 9200), (7000,), (7100,)
METADATA = """
until wget -q -O /run/told 'http://[fe80::a9fe:a9fe%eth0]/openstack/latest/meta_data.json'; do sleep 1; done
echo "metadata over IPv6: $(jsonflat </run/told | awk -F'\\t' '$1 == ".uuid" {print $2}')" >/dev/console
"""


def build(folder: pathlib.Path) -> pathlib.Path:
    """The program that is each end of a flow."""
    made = folder / 'talk'
    source = pathlib.Path(__file__).with_name('talk.c')
    subprocess.run(['gcc', '-O2', '-s', '-o', str(made), str(source)], check=True)
    return made


def script(program: pathlib.Path, addresses: list[str], words: list[str]) -> str:
    """The user data of a guest that has these addresses and runs the program with each of the words."""
    packed = base64.encodebytes(gzip.compress(program.read_bytes())).decode()
    lines = ['#!/bin/sh', 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad']
    for one in addresses:
        lines.append(f'ip addr add {one}/{64 if ":" in one else 24} dev eth0')
    lines += ["base64 -d <<'E' | gunzip >/run/talk", packed + 'E', 'chmod 755 /run/talk']
    lines += [f'/run/talk {one} >/dev/console 2>&1 &' for one in words]
    return '\n'.join(lines) + METADATA


def names(*ports: int) -> list[str]:
    """The flows to these ports: TCP and UDP, IPv4 and IPv6."""
    return [f'{kind}{version}-{port}' for port in ports for kind, version in KINDS]


def ends(role: str, ports: tuple[int, ...], there: dict[int, str], source: dict[int, str] | None = None) -> list[str]:
    """What the program is told for a flow of every kind to each of the ports."""
    return [
        f'{kind}{version}-{port} {kind} {role} {there[version]} {port} {source[version] if source else ""}'.strip()
        for port in ports
        for kind, version in KINDS
    ]


def rules(*ports: int, last: int = 0, **more: str) -> list[dict]:
    """Rules that let streams and datagrams of both families in to each of the ports, or to those up to the last."""
    return [
        {
            'direction': 'ingress', 'ethertype': f'IPv{version}', 'protocol': kind,
            'port_range_min': port, 'port_range_max': last or port, **more,
        }
        for port in ports
        for kind, version in KINDS
    ]  # fmt: skip


class Network:
    """The REST API's side of the scene; what was made is taken away in the other order."""

    def __init__(self, api: demo.Api) -> None:
        self._api = api.of('network')
        self._made: list[str] = []

    def make(self, kind: str, **values: object) -> dict:
        """A new row."""
        path = f'/v2.0/{kind.replace("_", "-")}s'
        row = self._api.post(path, json={kind: values}).json()[kind]
        self._made.append(f'{path}/{row["id"]}')
        return row

    def let(self, group: str, wanted: list[dict]) -> list[str]:
        """The group has these rules too; returns their ids."""
        body = {'security_group_rules': [{'security_group_id': group, **rule} for rule in wanted]}
        return [
            row['id'] for row in self._api.post('/v2.0/security-group-rules', json=body).json()['security_group_rules']
        ]

    def forbid(self, rule_ids: list[str]) -> None:
        """The rules are gone."""
        for one in rule_ids:
            self._api.delete(f'/v2.0/security-group-rules/{one}')

    def egress(self, group: str) -> list[str]:
        """The rules that let the group's guests speak to others."""
        path = f'/v2.0/security-group-rules?security_group_id={group}&direction=egress'
        return [row['id'] for row in self._api.get(path).json()['security_group_rules']]

    def change(self, port: str, **values: object) -> None:
        """The port is as `values` say."""
        self._api.put(f'/v2.0/ports/{port}', json={'port': values})

    def clear(self) -> None:
        """Nothing that was made is left."""
        for path in reversed(self._made):
            self._api.delete(path)


class Ears:
    """How often each end of each flow has heard something: in the guests' consoles and the namespace's files."""

    def __init__(self, folder: pathlib.Path, consoles: dict[str, pathlib.Path]) -> None:
        self._folder = folder
        self._consoles = consoles

    def text(self, where: str) -> str:
        """The console of a guest."""
        path = self._consoles[where]
        return path.read_text(errors='replace') if path.exists() else ''

    def counts(self) -> collections.Counter:
        """(where, name of the flow) -> how often something was heard."""
        found: collections.Counter = collections.Counter()
        texts = {where: self.text(where) for where in self._consoles}
        texts['remote'] = '\n'.join(path.read_text() for path in self._folder.glob('heard-*'))
        for where, text in texts.items():
            found.update((where, words[0]) for words in map(str.split, text.splitlines()) if words[1:2] == ['hears'])
        return found

    def grow(self, keys: list[tuple[str, str]], by: int = 3, seconds: float = 30) -> bool:
        """Whether each of these ends soon hears so much more."""
        before = self.counts()

        def done() -> bool:
            now = self.counts()
            return all(now[key] >= before[key] + by for key in keys)

        return processes.wait_until(done, seconds, 0.3)

    def silent(self, cut: list[tuple[str, str]], kept: list[tuple[str, str]], seconds: float = 40) -> bool:
        """Whether there soon is a while in which the kept ends all go on hearing and the cut ones hear nothing."""

        def quiet() -> bool:
            before = self.counts()
            if not self.grow(kept):
                return False
            now = self.counts()
            return all(now[key] == before[key] for key in cut)

        return processes.wait_until(quiet, seconds)
