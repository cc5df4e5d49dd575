"""What a rule had let in between real guests is cut in both directions when it goes, and all else goes on."""

import base64
import contextlib
import os
import pathlib
import subprocess

import pytest
from keystoneauth1 import exceptions as ksa

from devstack import demo, place, processes
from tests.real import talkers
from tests.real.talkers import ASKING, BACK, GUESTS, PAIRED, REMOTE, SERVED, TO_PAIR, ends, names, rules

STATE = pathlib.Path(os.environ.get('NIMBUS_STATE', '/var/lib/nimbus'))
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        os.geteuid() != 0 or not (STATE / 'choices.json').exists(),
        reason=f'there is no cloud in {STATE} that this user may look into; devstack/up brings one up as root',
    ),
]
ANYTHING = [{'direction': 'ingress', 'ethertype': f'IPv{version}'} for version in (4, 6)]


class Scene:
    """A guest that is asked, one that asks, and the network's DHCP namespace that asks too."""

    def __init__(self, api: demo.Api, folder: pathlib.Path) -> None:
        self.network = talkers.Network(api)
        self._compute = api.of('compute')
        self._folder = folder
        self._program = talkers.build(folder)
        self._running: list[subprocess.Popen] = []
        self.servers: dict[str, str] = {}

    def wire(self) -> None:
        """Networks, groups with their rules, and the guests' ports stand."""
        make = self.network.make
        self.net = make('network', name='flows')['id']
        subnets = {v: make('subnet', network_id=self.net, ip_version=v, cidr=talkers.CIDRS[v])['id'] for v in (4, 6)}
        self.group, self.more, self.friends, self.any = (make('security_group', name=one)['id'] for one in 'gmfa')
        let = self.network.let
        self.rules = let(self.group, rules(8000) + rules(9000))
        let(self.group, rules(9000, last=9010) + rules(9200) + rules(8200, 8300, remote_group_id=self.friends))
        let(self.more, rules(8100))
        let(self.any, ANYTHING)
        groups = {'served': [self.group, self.more], 'asking': [self.any, self.friends]}
        addresses = {'served': SERVED, 'asking': ASKING}
        pairs = {'asking': [{'ip_address': one} for one in PAIRED.values()]}
        self.ports = {
            name: make(
                'port', name=name, network_id=self.net, security_groups=groups[name],
                fixed_ips=[{'subnet_id': subnets[v], 'ip_address': addresses[name][v]} for v in (4, 6)],
                allowed_address_pairs=pairs.get(name, []),
            )['id']
            for name in groups
        }  # fmt: skip

    def boot(self, image: str, flavor: str) -> None:
        """Both guests run and every flow between them goes on."""
        served = ends('serve', (*REMOTE, *GUESTS), SERVED) + ends('ask', BACK, ASKING) + ends('ask', TO_PAIR, PAIRED)
        asking = ends('ask', (8200, 9200), SERVED, ASKING) + ends('ask', (8300,), SERVED, PAIRED)
        asking += ends('serve', BACK, ASKING) + ends('serve', TO_PAIR, PAIRED)
        data = {
            'served': talkers.script(self._program, [SERVED[6]], served),
            'asking': talkers.script(self._program, [ASKING[6], *PAIRED.values()], asking),
        }
        for name, text in data.items():
            body = {
                'name': f'flows-{name}', 'imageRef': image, 'flavorRef': flavor,
                'networks': [{'port': self.ports[name]}], 'user_data': base64.b64encode(text.encode()).decode(),
            }  # fmt: skip
            self.servers[name] = self._compute.post('/servers', json={'server': body}).json()['server']['id']
        consoles = {name: STATE / 'instances' / one / 'console.log' for name, one in self.servers.items()}
        self.ears = talkers.Ears(self._folder, consoles)
        assert processes.wait_until(lambda: 'metadata over IPv6' in self.ears.text('served'), 150, 0.5)
        self.ask(*REMOTE)
        assert self.ears.grow(self.between(*GUESTS, *BACK, *TO_PAIR), 1, 90), self.ears.counts()
        assert self.ears.grow(self.from_outside(*REMOTE), 1, 30), self.ears.counts()

    def between(self, *ports: int) -> list[tuple[str, str]]:
        """Both ends of the flows to these ports between the guests."""
        return [(where, name) for name in names(*ports) for where in ('served', 'asking')]

    def from_outside(self, *ports: int) -> list[tuple[str, str]]:
        """Both ends of the flows to these ports that the namespace asked for."""
        return [(where, name) for name in names(*ports) for where in ('served', 'remote')]

    def ask(self, *ports: int) -> None:
        """New flows from the namespace to the served guest, in place of those it had to these ports."""
        for line in ends('ask', ports, SERVED):
            log = self._folder / f'heard-{line.split()[0]}'
            words = ['ip', 'netns', 'exec', f'qdhcp-{self.net}', str(self._program), *line.split()]
            with log.open('a') as file:
                self._running.append(subprocess.Popen(words, stdout=file, stdin=subprocess.DEVNULL))

    def hang_up(self) -> None:
        """The namespace speaks with nobody."""
        for one in self._running:
            one.kill()
            one.wait()
        self._running.clear()

    def close(self) -> None:
        """Nothing of the scene is left."""
        self.hang_up()
        for one in self.servers.values():
            self._compute.delete(f'/servers/{one}')
        for one in self.servers.values():
            processes.wait_until(lambda gone=one: self._is_gone(gone), 60, 0.2)
        self.network.clear()

    def _is_gone(self, server_id: str) -> bool:
        with contextlib.suppress(ksa.NotFound):
            self._compute.get(f'/servers/{server_id}')
            return False
        return True


@pytest.fixture(scope='module')
def scene(tmp_path_factory):
    """Every flow goes on that the tests cut."""
    where = place.Place(STATE, place.remembered(STATE))
    like = demo.make(where, STATE / 'guest' / 'nimbus-guest.qcow2')
    api = demo.Api(where, 'demo')
    server = api.of('compute').get(f'/servers/{like.server_id}').json()['server']
    made = Scene(api, tmp_path_factory.mktemp('flows'))
    try:
        made.wire()
        made.boot(server['image']['id'], server['flavor']['id'])
        yield made
    finally:
        made.close()


@pytest.mark.parametrize('name', ['served', 'asking'])
def test_a_guest_is_told_its_metadata_over_ipv6(scene, name):
    told = f'metadata over IPv6: {scene.servers[name]}'
    assert processes.wait_until(lambda: told in scene.ears.text(name), 20, 0.5), scene.ears.text(name)


def test_what_an_address_pair_let_in_is_cut_with_the_pair(scene):
    scene.network.change(scene.ports['asking'], allowed_address_pairs=[])
    assert scene.ears.silent(scene.between(8300, *TO_PAIR), scene.between(8200, 9200, *BACK))


def test_what_a_remote_group_let_in_is_cut_when_its_other_end_leaves_the_group(scene):
    scene.network.change(scene.ports['asking'], security_groups=[scene.any])
    assert scene.ears.silent(scene.between(8200), scene.between(9200))


def test_what_a_group_let_in_is_cut_when_the_group_leaves_the_port(scene):
    scene.network.change(scene.ports['served'], security_groups=[scene.group])
    assert scene.ears.silent(scene.from_outside(8100), scene.from_outside(8000, 9000))


def test_what_the_guest_began_is_cut_with_the_rule_that_let_it_out(scene):
    scene.network.forbid(scene.network.egress(scene.group))
    assert scene.ears.silent(scene.between(*BACK), scene.between(9200))


def test_a_removed_rule_cuts_what_no_other_lets_in_and_lets_new_flows_in_when_it_comes_back(scene):
    kept = scene.from_outside(9000)
    scene.network.forbid(scene.rules)
    assert scene.ears.silent(scene.from_outside(8000), kept)
    scene.hang_up()
    scene.ask(8000)
    assert scene.ears.silent(scene.from_outside(8000), scene.between(9200))
    scene.network.let(scene.group, rules(8000))
    assert scene.ears.grow(scene.from_outside(8000)), scene.ears.counts()
