"""Uses of the workflows that change what a server is made of: its ports and its size."""

from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common import errors
from nimbus.compute import states
from nimbus.compute.servers.moves import live as live_moves
from nimbus.compute.servers.moves import migrations, moves, resizes
from nimbus.compute.servers.networking import interfaces
from nimbus.network.models import Arrival
from nimbus.network.networks import networks
from nimbus.network.ports import ports
from tests.conftest import MEMBER
from tests.workflows import scenarios
from tests.workflows.cloud import Cloud
from tests.workflows.harness import Scenario
from tests.workflows.scenarios import as_it_was, asking, runs


def server_and_port(cloud: Cloud) -> dict[str, Any]:
    """A server without a port, and a port that is nobody's."""
    given = {'server': cloud.server(networks='none')}
    with cloud.db.write() as tx:
        network = networks.show(tx, MEMBER, cloud.network)
        given['port'] = ports.insert(tx, MEMBER, ports.Draft(network=network, project_id=MEMBER.project_id))
    return given


def plug(cloud: Cloud, given: dict[str, Any]) -> str:
    cloud.ask(interfaces.attach, given['server'], port_id=given['port'], tag='wan')
    return given['server']


def plugged(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    row = cloud.row(server)
    assert cloud.held()['ports'] == [(given['port'], server, row.host)]
    with cloud.db.read() as tx:
        port = interfaces.one(tx, server, given['port'])
        assert interfaces.tags(row, [port]) == {given['port']: 'wan'}
    assert cloud.host(row.host).all()[server].macs == [port.mac_address]


def plugged_server(cloud: Cloud) -> dict[str, Any]:
    """A server with the port that was made for it."""
    given = {'server': cloud.server(networks='none')}
    given['port'] = cloud.ask(interfaces.attach, given['server'], network_id=cloud.network).id
    cloud.settle()
    return given


def unplug(cloud: Cloud, given: dict[str, Any]) -> str:
    cloud.ask(interfaces.detach, given['server'], given['port'])
    return given['server']


def unplugged(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    row = cloud.row(server)
    assert cloud.held()['ports'] == [] and cloud.host(row.host).all()[server].macs == []
    with cloud.db.read() as tx:
        assert ports.get(tx, given['port']) is None


def server_and_flavor(cloud: Cloud) -> dict[str, Any]:
    """A server whose host is the only one that takes it."""
    given = {'server': cloud.server(), 'flavor': cloud.flavor()}
    cloud.stay(cloud.row(given['server']).host)
    return given


def resize(cloud: Cloud, given: dict[str, Any]) -> str:
    cloud.ask(resizes.resize, given['server'], given['flavor'])
    return given['server']


def resized(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    """It runs with its new size, and what it was is kept."""
    row = cloud.row(server)
    assert (row.vm_state, row.power_state, row.flavor_id) == (states.RESIZED, states.RUNNING, '2')
    guest = cloud.host(row.host).all()[server]
    assert (guest.state, guest.vcpus, guest.memory_mb, guest.disk_gb, guest.kept_gb) == ('running', 2, 1024, 2, 1)


def smaller(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    """It runs with the size it was made with, and nothing is kept."""
    runs(cloud, given, server)
    row = cloud.row(server)
    guest = cloud.host(row.host).all()[server]
    assert (row.flavor_id, guest.vcpus, guest.memory_mb, guest.disk_gb, guest.kept_gb) == ('1', 1, 512, 1, 0)
    with cloud.db.read() as tx:
        assert moves.of(tx, server) is None


def resized_server(cloud: Cloud) -> dict[str, Any]:
    given = server_and_flavor(cloud)
    resize(cloud, given)
    cloud.settle()
    return given


confirm = asking(resizes.confirm)


def confirmed(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    runs(cloud, given, server)
    row = cloud.row(server)
    guest = cloud.host(row.host).all()[server]
    assert (row.flavor_id, guest.vcpus, guest.disk_gb, guest.kept_gb) == ('2', 2, 2, 0)


def undecided(cloud: Cloud, given: dict[str, Any], server: str, held: dict[str, Any]) -> None:
    """It still waits for a decision, says why, and either can be asked for again."""
    assert cloud.row(server).vm_state == states.RESIZED and cloud.row(server).fault['message']
    assert cloud.held() == held
    cloud.check()
    cloud.ask(resizes.revert, server)
    cloud.settle()
    smaller(cloud, given, server)


def unconfirmed(cloud: Cloud, given: dict[str, Any], server: str, held: dict[str, Any]) -> None:
    """It still waits and says why; it can be confirmed again, and not reverted any more."""
    assert cloud.row(server).vm_state == states.RESIZED and cloud.row(server).fault['message']
    assert cloud.held() == held
    cloud.check()
    with pytest.raises(errors.Invalid, match='has not been resized'):
        cloud.ask(resizes.revert, server)
    confirm(cloud, given)
    cloud.settle()
    confirmed(cloud, given, server)


revert = asking(resizes.revert)


def mobile_server(cloud: Cloud) -> dict[str, Any]:
    """A server with a port and a volume, another host, and a larger flavor."""
    volume = cloud.volume()
    device = {'source': 'volume', 'destination': 'volume', 'volume_id': volume, 'delete_on_termination': False}
    server = cloud.server(networks=[{'uuid': cloud.network}], devices=[device])
    given = {'server': server, 'volume': volume, 'host': cloud.row(server).host, 'flavor': cloud.flavor()}
    with cloud.db.read() as tx:
        (given['port'],) = [row.id for row in ports.of_server(tx, server)]
    return given


def stands_on(cloud: Cloud, given: dict[str, Any], host: str, size: tuple[str, int]) -> None:
    """The guest runs on the host with its port and its volume, and has the flavor and so many vCPUs."""
    server, held = given['server'], cloud.held()
    row, guest = cloud.row(server), cloud.host(host).all()[server]
    assert (row.host, row.power_state, (row.flavor_id, guest.vcpus)) == (host, states.RUNNING, size)
    assert guest.state == 'running' and list(guest.volumes) == [given['volume']] and not guest.offered
    assert held['ports'] == [(given['port'], server, host)]
    assert held['disks'][given['volume']] == [host]


def other_than(cloud: Cloud, host: str) -> str:
    return next(name for name in cloud.agents if name != host)


def moved(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    """It runs on another host, and the one that it left keeps what it was, off."""
    assert cloud.row(server).vm_state == states.RESIZED
    size = ('2', 2) if given.get('resizes') else ('1', 1)
    stands_on(cloud, given, other_than(cloud, given['host']), size)
    kept = cloud.host(given['host']).all()[server]
    assert (kept.state, kept.vcpus, kept.offered) == ('shutdown', 1, False)


def unmoved(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    """It runs where it ran, as it was, and no other host has anything of it."""
    runs(cloud, given, server)
    stands_on(cloud, given, given['host'], ('1', 1))
    assert server not in cloud.host(other_than(cloud, given['host'])).all()
    with cloud.db.read() as tx:
        assert moves.of(tx, server) is None


def settled_elsewhere(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    """It runs on the other host for good, and the one that it left has nothing of it."""
    runs(cloud, given, server)
    stands_on(cloud, given, other_than(cloud, given['host']), ('2', 2))
    assert server not in cloud.host(given['host']).all()


def resize_away(cloud: Cloud, given: dict[str, Any]) -> str:
    given['resizes'] = True
    return resize(cloud, given)


def server_elsewhere(cloud: Cloud) -> dict[str, Any]:
    given = mobile_server(cloud)
    resize_away(cloud, given)
    cloud.settle()
    moved(cloud, given, given['server'])
    return given


def undecided_elsewhere(cloud: Cloud, given: dict[str, Any], server: str, held: dict[str, Any]) -> None:
    """It still waits for a decision on its new host, says why, and can go back."""
    moved(cloud, given, server)
    assert cloud.row(server).fault['message'] and cloud.held() == held
    cloud.check()
    cloud.ask(resizes.revert, server)
    cloud.settle()
    unmoved(cloud, given, server)


def unconfirmed_elsewhere(cloud: Cloud, given: dict[str, Any], server: str, held: dict[str, Any]) -> None:
    """It still waits on its new host and says why; it can be confirmed again."""
    assert cloud.row(server).vm_state == states.RESIZED and cloud.row(server).fault['message']
    cloud.check()
    confirm(cloud, given)
    cloud.settle()
    settled_elsewhere(cloud, given, server)


def left_all_the_same(cloud: Cloud, given: dict[str, Any], server: str, held: dict[str, Any]) -> None:
    unmoved(cloud, given, server)


def live(cloud: Cloud, given: dict[str, Any]) -> str:
    cloud.ask(live_moves.migrate, given['server'], live_moves.How())
    return given['server']


def moved_alive(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    """It runs on the other host, where it never was off, and its own has nothing of it."""
    runs(cloud, given, server)
    host = other_than(cloud, given['host'])
    stands_on(cloud, given, host, ('1', 1))
    assert server not in cloud.host(given['host']).all()
    assert cloud.host(host).all()[server].console == given['console']
    waits_nowhere(cloud, server, 'completed')


def stays_alive(cloud: Cloud, given: dict[str, Any], server: str, held: dict[str, Any]) -> None:
    unmoved(cloud, given, server)
    assert cloud.held() == held and cloud.row(server).fault['message']
    assert cloud.host(given['host']).all()[server].console == given['console']
    waits_nowhere(cloud, server, 'error')


def waits_nowhere(cloud: Cloud, server: str, status: str) -> None:
    """Its move is over in that way, and no port of it is expected anywhere."""
    with cloud.db.read() as tx:
        assert [move.status for move in moves.find(tx, moves.Wanted({'server_id': server}))] == [status]
        assert tx.rows(sa.select(Arrival)) == []


def running_server(cloud: Cloud) -> dict[str, Any]:
    given = mobile_server(cloud)
    return {**given, 'console': cloud.host(given['host']).all()[given['server']].console}


SCENARIOS = [
    *scenarios.SCENARIOS,
    Scenario('attach_interface', server_and_port, plug, plugged),
    Scenario('detach_interface', plugged_server, unplug, unplugged),
    Scenario('resize_server', server_and_flavor, resize, resized, as_it_was(smaller)),
    Scenario('confirm_resize', resized_server, confirm, confirmed, unconfirmed),
    Scenario('revert_resize', resized_server, revert, smaller, undecided),
    Scenario('resize_server', mobile_server, resize_away, moved, as_it_was(unmoved)),
    Scenario('migrate_server', mobile_server, asking(migrations.migrate), moved, as_it_was(unmoved)),
    Scenario('live_migrate_server', running_server, live, moved_alive, stays_alive),
    Scenario('confirm_resize', server_elsewhere, confirm, settled_elsewhere, unconfirmed_elsewhere),
    Scenario('revert_resize', server_elsewhere, revert, unmoved, undecided_elsewhere),
    Scenario('leave_host', server_elsewhere, revert, unmoved, left_all_the_same),
]
