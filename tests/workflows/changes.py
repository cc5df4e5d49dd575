"""Uses of the workflows that change what a server is made of: its ports and its size."""

from typing import Any

import pytest

from nimbus.common import errors
from nimbus.compute import states
from nimbus.compute.servers.moves import moves, resizes
from nimbus.compute.servers.networking import interfaces
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
    return {'server': cloud.server(), 'flavor': cloud.flavor()}


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


SCENARIOS = [
    *scenarios.SCENARIOS,
    Scenario('attach_interface', server_and_port, plug, plugged),
    Scenario('detach_interface', plugged_server, unplug, unplugged),
    Scenario('resize_server', server_and_flavor, resize, resized, as_it_was(smaller)),
    Scenario('confirm_resize', resized_server, confirm, confirmed, unconfirmed),
    Scenario('revert_resize', resized_server, revert, smaller, undecided),
]
