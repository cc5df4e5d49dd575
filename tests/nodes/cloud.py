"""A cloud on three nodes, put up by the operator guide's own commands, and looked at from outside over REST."""

import functools
import json
import pathlib
import subprocess
import time
from collections.abc import Callable
from typing import Any

from keystoneauth1 import exceptions, session
from keystoneauth1.identity import v3

from devstack import guide, nodes
from devstack.hosts import BROKER, CHECKOUT, COMMON, Machines, install_control, join

REPO = pathlib.Path(__file__).resolve().parents[2]
HOSTS = ('c1', 'c2')
UNITS = {
    'ctl': ('identity', 'api', 'image', 'scheduler', 'conductor', 'console'),
    'c1': ('compute', 'network', 'volume'),
    'c2': ('compute', 'network', 'volume'),
}


class Cloud(Machines):
    """The three nodes and the way to their APIs."""

    def __init__(self, control: nodes.Node, second: nodes.Node, agents: dict[str, nodes.Node]) -> None:
        super().__init__(control, agents)
        self.second = second
        self._session: Any = None

    def follow_all(self, node: nodes.Node, kind: str, **values: str) -> None:
        """The node is a control host of a kind of its own, as the guide says, but for what is in its database."""
        self.follow(node, kind, 'packages')
        self.follow(node, 'every host', 'the program, its units, its user and its folders')
        self.follow(node, kind, 'what pip brings, the client among it')
        mine = guide.blocks()[kind]
        servers = mine['the database'] + guide.script('control host', BROKER, **values)
        script = f'cd {CHECKOUT}\n{servers}{mine["the configuration, in the same shell"]}'
        self.said[f'{node.name}: {BROKER}'] = node.must('bash', '-euc', script, seconds=600)

    def who(self) -> str:
        """The guide's shell lines that make who runs them the administrator."""
        return guide.script('anywhere', 'who asks', ADDRESS=self.control.address).replace('nimbus status\n', '')

    def first_server(self) -> str:
        """What the guide's commands print that make the first image, flavor and server; the server is deleted again."""
        values = {'ADDRESS': self.control.address, 'IMAGE': 'nimbus-guest.qcow2'}
        said = self.follow(self.control, 'anywhere', 'who asks', 'the first server', **values)
        (server,) = self.ask('compute', 'GET', '/servers')['servers']
        self.ask('compute', 'DELETE', f'/servers/{server["id"]}')
        return said

    # ---------------------------------------------------------------- REST
    def login(self, username: str, password: str, project: str, address: str = '') -> session.Session:
        """A session of a user, at this node's identity or at that of another control host."""
        auth = v3.Password(
            f'http://{address or self.control.address}:5000/v3',
            username=username,
            password=password,
            project_name=project,
            user_domain_id='default',
            project_domain_id='default',
        )
        return session.Session(auth=auth, timeout=30)

    def ask(self, service: str, method: str, path: str, body: Any = None, version: str = '') -> Any:
        """The answer's JSON, to the administrator."""
        if self._session is None:
            self._session = self.login('admin', self._password(), 'admin')
        return _ask(self._session, service, method, path, body, version)

    def _password(self) -> str:
        return self.control.must('cat', '/root/admin-password').strip()

    def member(self) -> Callable[..., Any]:
        """What asks as a member of a project of its own."""
        project = self.ask('identity', 'POST', '/v3/projects', {'project': {'name': 'of-a-member'}})['project']['id']
        asked = {'name': 'somebody', 'password': 'something', 'default_project_id': project}
        user = self.ask('identity', 'POST', '/v3/users', {'user': asked})['user']['id']
        (role,) = self.ask('identity', 'GET', '/v3/roles?name=member')['roles']
        self.ask('identity', 'PUT', f'/v3/projects/{project}/users/{user}/roles/{role["id"]}')
        return functools.partial(_ask, self.login('somebody', 'something', 'of-a-member'))

    def asked_at(self, node: nodes.Node, port: int, path: str, body: Any = None) -> Any:
        """The answer of a control host of its own, to the administrator who logged in there."""
        there = self.login('admin', self._password(), 'admin', node.address)
        answer = there.request(f'http://{node.address}:{port}{path}', 'POST' if body else 'GET', json=body)
        return answer.json()

    def refused(self, service: str, method: str, path: str, body: Any = None, version: str = '') -> str:
        """The answer with which the administrator is refused; keystoneauth reads only identity's form of it."""
        try:
            self.ask(service, method, path, body, version)
        except exceptions.HttpError as why:
            return f'{why}: {why.response.text}'
        raise AssertionError(f'{method} {path} was not refused')

    def host_of(self, server_id: str) -> str:
        """The host that the server is on."""
        return self.server(server_id)['OS-EXT-SRV-ATTR:host']

    def like(self, server_id: str) -> dict[str, Any]:
        """What to ask for to get a server of the same image, flavor and network."""
        seen = self.server(server_id)
        (port,) = self.ask('network', 'GET', f'/v2.0/ports?device_id={server_id}')['ports']
        networks = [{'uuid': port['network_id']}]
        return {'imageRef': seen['image']['id'], 'flavorRef': seen['flavor']['id'], 'networks': networks}

    def server(self, server_id: str) -> dict[str, Any]:
        """The server as the administrator sees it."""
        return self.ask('compute', 'GET', f'/servers/{server_id}')['server']

    def is_active(self, server_id: str) -> bool:
        """Whether the server is ACTIVE and runs.  Fails when it never will."""
        seen = self.server(server_id)
        assert seen['status'] != 'ERROR', seen['fault']
        return seen['status'] == 'ACTIVE' and seen['OS-EXT-STS:power_state'] == 1

    def state(self, server_id: str) -> tuple[str, str | None]:
        """The server's status, and what is being done to it."""
        seen = self.server(server_id)
        return seen['status'], seen['OS-EXT-STS:task_state']

    def volume(self, volume_id: str) -> dict[str, Any]:
        """The volume as the administrator sees it."""
        return self.ask('volumev3', 'GET', f'/volumes/{volume_id}')['volume']

    def console(self, server_id: str) -> str:
        """What the guest has printed."""
        return self.ask('compute', 'POST', f'/servers/{server_id}/action', {'os-getConsoleOutput': {}})['output']

    def up(self) -> dict[str, bool]:
        """Every daemon that reports, as `KIND at HOST`, and whether it is up; nothing while the APIs are away."""
        try:
            compute = self.ask('compute', 'GET', '/os-services')['services']
            network = self.ask('network', 'GET', '/v2.0/agents')['agents']
            volume = self.ask('volumev3', 'GET', '/os-services')['services']
        except exceptions.ClientException:
            return {}
        found = {f'{one["binary"]} at {one["host"]}': one['state'] == 'up' for one in (*compute, *volume)}
        return found | {f'{one["binary"]} at {one["host"]}': one['alive'] for one in network}

    def is_whole(self) -> bool:
        """Whether every daemon of every host is up."""
        seen = self.up()
        return len(seen) == 15 and all(seen.values())

    def down_on(self, host: str) -> bool:
        """Whether all six parts of the host are down, and no other part is."""
        down = {name for name, up in self.up().items() if not up}
        return len(down) == 6 and all(name.partition(' at ')[2].split('@')[0] == host for name in down)

    def forget_network_agents(self, host: str) -> None:
        """What the host served of networks stands on others: the agents of the host, which is down, are deleted."""
        for agent in self.ask('network', 'GET', f'/v2.0/agents?host={host}')['agents']:
            self.ask('network', 'DELETE', f'/v2.0/agents/{agent["id"]}')

    def guests(self, host: str) -> dict[str, int]:
        """The guests that run on the host, and when each one's QEMU was born, which tells it from another."""
        script = (
            'for f in /run/libvirt/qemu/instance-*.pid; do [ -e "$f" ] && kill -0 $(cat $f) 2>/dev/null || continue; '
            'echo $(basename $f .pid) $(cut -d" " -f22 /proc/$(cat $f)/stat); done'
        )
        lines = self[host].must('bash', '-c', script).splitlines()
        return {name: int(born) for name, born in (line.split() for line in lines)}

    # ---------------------------------------------------------------- daemons
    def pid(self, name: str, unit: str) -> str:
        """The main process of a daemon; 0 while there is none."""
        return self[name].run('systemctl', 'show', '-p', 'MainPID', '--value', f'nimbus-{unit}').stdout.strip()

    def serves(self, name: str, unit: str) -> bool:
        """Whether systemd has been told that the daemon serves."""
        return self[name].run('systemctl', 'is-active', f'nimbus-{unit}').stdout.strip() == 'active'

    def journal(self, name: str, unit: str, since: str) -> list[dict[str, str]]:
        """What the daemon and systemd said about it, a dictionary a line."""
        words = ['journalctl', '-u', f'nimbus-{unit}', '--since', since, '-o', 'json', '--no-pager']
        return [json.loads(line) for line in self[name].must(*words).splitlines() if line.startswith('{')]


def build(lab: nodes.Lab, image: pathlib.Path) -> Cloud:
    """The cloud stands as the guide says, and its nodes have an image for guests in their checkout."""
    syslog = guide.packages('control host', 'logs by syslog')
    control = lab.node('ctl', (*COMMON, *guide.packages('control host'), *syslog))
    agents = {name: lab.node(name, (*COMMON, *guide.packages('agent host'))) for name in HOSTS}
    second = lab.node('ctl2', (*COMMON, *guide.packages('control host with PostgreSQL')))
    for node in (control, second, *agents.values()):
        node.lay(REPO, CHECKOUT)
        node.boot()
    lab.introduce()
    subprocess.run(['cp', str(image), f'{control.root}{CHECKOUT}/{image.name}'], check=True)
    cloud = Cloud(control, second, agents)
    install_control(cloud)
    for name, node in agents.items():
        join(cloud, name, node)
    nodes.until(cloud.is_whole, 90, lambda: str(cloud.up()))
    return cloud


def _ask(who: session.Session, service: str, method: str, path: str, body: Any = None, version: str = '') -> Any:
    headers = {'OpenStack-API-Version': version} if version else {}
    filters = {'service_type': service, 'interface': 'public'}
    answer = who.request(path, method, endpoint_filter=filters, json=body, headers=headers)
    return answer.json() if answer.content else None


def seconds_until(what: Any, limit: float, told: Any = lambda: '') -> float:
    """How long it took to come true.  Raises Unable after the limit."""
    began = time.monotonic()
    nodes.until(what, limit, told)
    return time.monotonic() - began
