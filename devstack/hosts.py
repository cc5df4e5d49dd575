"""A cloud on nodes of its own: a control host and hosts with guests, each installed by the operator guide's commands.

Run as a program it is the keeper of such a cloud: the nodes stand until it is told to end.
"""

import argparse
import pathlib
import signal
import threading

from devstack import guide, nodes
from devstack.place import NIMBUS_OWN, write_private
from devstack.progress import Unable, finish, say

REPO = pathlib.Path(__file__).resolve().parent.parent
CHECKOUT = '/root/nimbus'
BROKER = 'the broker and the configuration, in the same shell'
COMMON = ('python3-venv',)
# The machine that runs the nodes may have control groups of old, of which a node may make none.  And whoever reaches a
# node's libvirt owns its guests: the network of the nodes is theirs alone, and no example to follow.
LIBVIRT = """
echo 'cgroup_controllers = [ ]' >>/etc/libvirt/qemu.conf
echo 'auth_tcp = "none"' >>/etc/libvirt/libvirtd.conf
systemctl stop libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket
systemctl enable libvirtd-tcp.socket
systemctl start libvirtd-tcp.socket libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket
"""
READY = 'hosts.ready'  # in the state folder: how many hosts there are, once the cloud stands


class Machines:
    """The nodes of a cloud, and what the guide's commands printed on them."""

    def __init__(self, control: nodes.Node, agents: dict[str, nodes.Node]) -> None:
        self.control, self.agents = control, agents
        self.said: dict[str, str] = {}

    def __getitem__(self, name: str) -> nodes.Node:
        return self.control if name == 'ctl' else self.agents[name]

    def follow(self, node: nodes.Node, where: str, *whats: str, **values: str) -> str:
        """What the guide's commands printed on the node."""
        script = f'cd {CHECKOUT}\n{guide.script(where, *whats, **values)}'
        self.said[f'{node.name}: {whats[-1]}'] = said = node.must('bash', '-euc', script, seconds=600)
        return said


def install_control(cloud: Machines, settings: str = '') -> None:
    """The control host serves; `settings` are more lines of its nimbus.conf."""
    node = cloud.control
    cloud.follow(node, 'control host', 'packages')
    cloud.follow(node, 'every host', 'the program, its units, its user and its folders')
    cloud.follow(node, 'control host', 'what pip brings, the client among it')
    cloud.follow(node, 'control host', 'the database', BROKER, ADDRESS=node.address)
    if settings:
        node.must('tee', '-a', '/etc/nimbus/nimbus.conf', input=settings)
    cloud.follow(node, 'control host', 'the schema, the keys and the first user')


def join(cloud: Machines, name: str, node: nodes.Node) -> None:
    """The node is a host of the cloud; its guests are to outlive its reboots.  Raises Unable when it is not ready."""
    cloud.follow(node, 'agent host', 'packages')
    cloud.follow(node, 'every host', 'the program, its units, its user and its folders')
    cloud.follow(node, 'agent host', 'what pip brings')
    cloud.follow(cloud.control, 'control host', 'a new host', HOST=name)
    conf = cloud.control.must('cat', f'/root/{name}.conf') + '\n[compute]\nresume_guests_state_on_host_boot = true\n'
    node.must('tee', '/etc/nimbus/nimbus.conf', input=conf)
    node.must('bash', '-ec', LIBVIRT)
    script = f'cd {CHECKOUT}\n' + guide.script('agent host', 'is it ready')
    done = node.run('bash', '-euc', script)
    cloud.said[f'{name}: is it ready'] = done.stdout
    if done.returncode not in (0, 1):  # 1: guests are emulated, where the machine has no KVM
        raise Unable(f'the node {name} is not ready for guests: {done.stdout}')
    cloud.follow(node, 'agent host', 'start')


def build(lab: nodes.Lab, count: int) -> Machines:
    """A cloud of a control host and so many hosts with guests, whose networks reach across them."""
    control = lab.node('ctl', (*COMMON, *guide.packages('control host')))
    packages = (*COMMON, *guide.packages('agent host'))
    cloud = Machines(control, {f'c{n}': lab.node(f'c{n}', packages) for n in range(1, count + 1)})
    for node in (control, *cloud.agents.values()):
        node.lay(REPO, CHECKOUT)
        node.boot()
    lab.introduce()
    say('installing the control host by the operator guide')
    install_control(cloud, '\n[network]\ntenant_network_types = vxlan\n')
    for name, node in cloud.agents.items():
        say(f'installing the host {name}')
        node.carry_tunnels()
        join(cloud, name, node)
    return cloud


def keep(state: pathlib.Path, count: int) -> int:
    """The cloud stands until this process is asked to end; where it is and how to log in lie in the state folder."""
    ended = threading.Event()
    for word in (signal.SIGTERM, signal.SIGINT):
        signal.signal(word, lambda *_: ended.set())
    with nodes.Lab() as lab:
        cloud = build(lab, count)
        password = cloud.control.must('cat', '/root/admin-password').strip()
        write_private(state / NIMBUS_OWN['admin'], f'{password}\n')
        write_private(state / READY, f'{count}\n')
        ended.wait()
        (state / READY).unlink(missing_ok=True)
    return 0


def main() -> int:
    """Keep a cloud until told to end."""
    parser = argparse.ArgumentParser(prog='devstack/hosts', description=__doc__)
    parser.add_argument('--state', type=pathlib.Path)
    parser.add_argument('--hosts', type=int)
    options = parser.parse_args()
    return keep(options.state, options.hosts)


if __name__ == '__main__':
    finish(main)
