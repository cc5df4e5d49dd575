"""A use of every workflow; one without a scenario fails the test."""

from collections.abc import Callable
from typing import Any

from nimbus.compute import states
from nimbus.compute.servers import deletion, power, rebuilds, rescues, suspension, volume_attachments
from nimbus.network.networks import networks
from nimbus.network.ports import ports
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.volumes import volumes
from tests.conftest import MEMBER
from tests.workflows.cloud import IMAGE, Cloud
from tests.workflows.harness import Scenario


def asking(verb: Callable[..., Any], *more: Any, **named: Any) -> Callable[[Cloud, dict[str, Any]], str]:
    """What asks for the verb of the server that is given."""

    def ask(cloud: Cloud, given: dict[str, Any]) -> str:
        cloud.ask(verb, given['server'], *more, **named)
        return given['server']

    return ask


def after(verb: Callable[..., Any], **named: Any) -> Callable[[Cloud], dict[str, Any]]:
    """What makes a server of which the verb was asked, and is done."""

    def make(cloud: Cloud) -> dict[str, Any]:
        given = plain_server(cloud)
        cloud.ask(verb, given['server'], **named)
        cloud.settle()
        return given

    return make


def given_volume_and_port(cloud: Cloud) -> dict[str, Any]:
    """A volume and a port that were there before the server."""
    volume = cloud.volume()
    with cloud.db.write() as tx:
        network = networks.show(tx, MEMBER, cloud.network)
        port = ports.insert(tx, MEMBER, ports.Draft(network=network, project_id=MEMBER.project_id))
    return {'volume': volume, 'port': port}


def boot(cloud: Cloud, given: dict[str, Any]) -> str:
    """A server with every kind of network and volume."""
    return cloud.boot(
        networks=[{'uuid': cloud.network}, {'port': given['port']}],
        devices=[
            {'source': 'blank', 'destination': 'volume', 'size': 2, 'delete_on_termination': True},
            {'source': 'volume', 'destination': 'volume', 'volume_id': given['volume'], 'delete_on_termination': False},
        ],
        config_drive=True,
    )


def booted(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    """One guest, two ports, two volumes, all of the server's."""
    row, held = cloud.row(server), cloud.held()
    assert (row.vm_state, row.fault) == (states.ACTIVE, None)
    guests = {guest: volumes for host in held['guests'].values() for guest, volumes in host.items()}
    assert list(guests) == [server] and len(guests[server]) == 2 and given['volume'] in guests[server]
    assert [port[1:] for port in held['ports']] == [(server, row.host)] * 2
    assert len(held['volumes']) == 2 and {status for _, status in held['volumes']} == {'in-use'}
    with cloud.db.read() as tx:
        assert [port.id for port in ports.of_server(tx, server)][1] == given['port']


def failed_boot(cloud: Cloud, given: dict[str, Any], server: str, held: dict[str, Any]) -> None:
    """The server says why, and has given everything back."""
    row = cloud.row(server)
    assert (row.vm_state, row.host) == (states.ERROR, None)
    assert row.fault['code'] == 500 and row.fault['message']
    assert cloud.held() == held


def rich_server(cloud: Cloud) -> dict[str, Any]:
    """A server with ports and volumes, and what it was made from."""
    given = given_volume_and_port(cloud)
    server = boot(cloud, given)
    cloud.settle()
    return {**given, 'server': server}


delete = asking(deletion.delete)


def deleted(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    """Nothing is left but the volume and the port that were the user's."""
    held = cloud.held()
    assert cloud.row(server).vm_state == states.DELETED
    assert held['volumes'] == [(given['volume'], 'available')]
    assert not held['claims'] and not held['ports'] and not held['attachments'] and not held['devices']
    assert not any(held['guests'].values()) and not any(held['disks'].values())
    with cloud.db.read() as tx:
        assert ports.get(tx, given['port']).device_id == ''


def deletable_again(cloud: Cloud, given: dict[str, Any], server: str, _held: dict[str, Any]) -> None:
    """A delete that failed says why, and the next one goes through."""
    if cloud.row(server).deleted_at is None:
        assert cloud.row(server).vm_state == states.ERROR and cloud.row(server).fault['message']
        delete(cloud, given)
        cloud.settle()
    deleted(cloud, given, server)


def plain_server(cloud: Cloud) -> dict[str, Any]:
    return {'server': cloud.server()}


stopped_server = after(power.stop)
start = asking(power.start)
stop = asking(power.stop)
reboot = asking(power.reboot, hard=True)


def runs(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    assert (cloud.row(server).vm_state, cloud.row(server).power_state) == (states.ACTIVE, states.RUNNING)


def rests(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    assert (cloud.row(server).vm_state, cloud.row(server).power_state) == (states.STOPPED, states.SHUTDOWN)


paused_server = after(suspension.pause)
suspended_server = after(suspension.suspend)
pause = asking(suspension.pause)
unpause = asking(suspension.unpause)
suspend = asking(suspension.suspend)
resume = asking(suspension.resume)


def stands(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    assert (cloud.row(server).vm_state, cloud.row(server).power_state) == (states.PAUSED, states.POWER_PAUSED)
    assert guest_of(cloud, server).state == 'paused'


def sleeps(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    assert (cloud.row(server).vm_state, cloud.row(server).power_state) == (states.SUSPENDED, states.SHUTDOWN)
    assert (guest_of(cloud, server).state, guest_of(cloud, server).saved) == ('shutdown', True)


def guest_of(cloud: Cloud, server: str) -> Any:
    return cloud.host(cloud.row(server).host).all()[server]


def as_it_was(state: Callable[..., None]) -> Callable[..., None]:
    """The server is in the state that it was in, holds what it held, and says what went wrong."""

    def check(cloud: Cloud, given: dict[str, Any], server: str, held: dict[str, Any]) -> None:
        state(cloud, given, server)
        assert cloud.held() == held and cloud.row(server).fault['message']

    return check


def server_and_volume(cloud: Cloud) -> dict[str, Any]:
    return {'server': cloud.server(), 'volume': cloud.volume()}


def attach(cloud: Cloud, given: dict[str, Any]) -> str:
    cloud.ask(volume_attachments.attach, given['server'], given['volume'])
    return given['server']


def attached(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    held = cloud.held()
    assert held['volumes'] == [(given['volume'], 'in-use')]
    assert held['attachments'] == [(given['volume'], server, 'attached')]
    assert held['guests'][cloud.row(server).host][server] == [given['volume']]
    assert held['disks'][given['volume']] == [cloud.row(server).host]


def server_with_volume(cloud: Cloud) -> dict[str, Any]:
    given = server_and_volume(cloud)
    attach(cloud, given)
    cloud.settle()
    return given


def detach(cloud: Cloud, given: dict[str, Any]) -> str:
    cloud.ask(volume_attachments.detach, given['server'], given['volume'])
    return given['server']


def detached(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    held = cloud.held()
    assert held['volumes'] == [(given['volume'], 'available')]
    assert not held['attachments'] and not held['devices'] and held['disks'] == {given['volume']: []}
    assert held['guests'][cloud.row(server).host] == {server: []}


def make_volume(cloud: Cloud, given: Any) -> str:
    with cloud.db.write() as tx:
        return volumes.create(tx, MEMBER, size=3).id


def volume_made(cloud: Cloud, given: Any, volume: str) -> None:
    assert cloud.held()['volumes'] == [(volume, 'available')] and list(cloud.disks) == [volume]


def volume_failed(cloud: Cloud, given: Any, volume: str, held: dict[str, Any]) -> None:
    assert cloud.volume_row(volume).status == 'error' and cloud.volume_row(volume).trouble
    assert not cloud.disks


def remove_volume(cloud: Cloud, volume: str) -> str:
    cloud.ask(volumes.delete, volume)
    return volume


def volume_removed(cloud: Cloud, given: Any, volume: str) -> None:
    held = cloud.held()
    assert not held['volumes'] and not cloud.disks
    assert not [row for row in held['quota'] if row[0] == 'volume']


def volume_kept(cloud: Cloud, given: Any, volume: str, held: dict[str, Any]) -> None:
    row = cloud.volume_row(volume)
    if row is not None:
        assert row.status == 'error_deleting' and row.trouble
        cloud.ask(volumes.delete, volume, force=True)
        cloud.settle()
    volume_removed(cloud, given, volume)


def grow(cloud: Cloud, volume: str) -> str:
    cloud.ask(volumes.extend, volume, 5, VolumeQuotas())
    return volume


def grown(cloud: Cloud, given: Any, volume: str) -> None:
    assert cloud.volume_row(volume).size == 5 and cloud.disks[volume]['size'] == 5
    assert ('volume', 'gigabytes', 5) in cloud.held()['quota']


def not_grown(cloud: Cloud, given: Any, volume: str, held: dict[str, Any]) -> None:
    row = cloud.volume_row(volume)
    if row.size == 1:
        assert row.status == 'error_extending' and cloud.held()['quota'] == held['quota']
    else:
        grown(cloud, given, volume)


delete_later = asking(deletion.delete, later=True)
kept_server = after(deletion.delete, later=True)
restore = asking(deletion.restore)


def kept(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    row = cloud.row(server)
    assert (row.vm_state, row.power_state, row.deleted_at) == (states.SOFT_DELETED, states.SHUTDOWN, None)


rebuild = asking(rebuilds.rebuild, rebuilds.Wanted(IMAGE, 'secret'))


def rebuilt(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    row = cloud.row(server)
    assert (row.vm_state, row.power_state, row.admin_pass) == (states.ACTIVE, states.RUNNING, None)


def rebuilt_and_off(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    rests(cloud, given, server)
    assert cloud.row(server).admin_pass is None


def not_rebuilt(cloud: Cloud, given: dict[str, Any], server: str, held: dict[str, Any]) -> None:
    """A server whose rebuild failed says why, holds what it held, and the next rebuild goes through."""
    row = cloud.row(server)
    assert (row.vm_state, row.admin_pass) == (states.ERROR, None) and row.fault['message']
    assert cloud.held() == held
    rebuild(cloud, given)
    cloud.settle()
    rebuilt(cloud, given, server)


rescue = asking(rescues.rescue, image_id=None, admin_pass='secret', on_volume=False)


def rescued_server(cloud: Cloud) -> dict[str, Any]:
    given = plain_server(cloud)
    rescue(cloud, given)
    cloud.settle()
    return given


def rescued(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    row = cloud.row(server)
    assert (row.vm_state, row.power_state, row.admin_pass) == (states.RESCUED, states.RUNNING, None)
    assert (guest_of(cloud, server).state, guest_of(cloud, server).rescue) == ('running', f'/base/{IMAGE}')


def runs_its_own(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    runs(cloud, given, server)
    assert cloud.row(server).admin_pass is None
    assert (guest_of(cloud, server).state, guest_of(cloud, server).rescue) == ('running', None)


def rests_on_its_own(cloud: Cloud, given: dict[str, Any], server: str) -> None:
    rests(cloud, given, server)
    assert guest_of(cloud, server).rescue is None


unrescue = asking(rescues.unrescue)


def not_unrescued(cloud: Cloud, given: dict[str, Any], server: str, held: dict[str, Any]) -> None:
    row = cloud.row(server)
    assert row.vm_state == states.ERROR and row.fault['message'] and cloud.held() == held
    cloud.ask(power.reboot, server, hard=True)
    cloud.settle()
    runs_its_own(cloud, given, server)


SCENARIOS = [
    Scenario('build_server', given_volume_and_port, boot, booted, failed_boot),
    Scenario('delete_server', rich_server, delete, deleted, deletable_again),
    Scenario('soft_delete_server', plain_server, delete_later, kept),
    Scenario('restore_server', kept_server, restore, runs, as_it_was(kept)),
    Scenario('start_server', stopped_server, start, runs),
    Scenario('stop_server', plain_server, stop, rests),
    Scenario('reboot_server', plain_server, reboot, runs),
    Scenario('rebuild_server', rich_server, rebuild, rebuilt, not_rebuilt),
    Scenario('rebuild_server', stopped_server, rebuild, rebuilt_and_off, not_rebuilt),
    Scenario('rescue_server', plain_server, rescue, rescued, as_it_was(runs_its_own)),
    Scenario('rescue_server', stopped_server, rescue, rescued, as_it_was(rests_on_its_own)),
    Scenario('unrescue_server', rescued_server, unrescue, runs_its_own, not_unrescued),
    Scenario('pause_server', plain_server, pause, stands, as_it_was(runs)),
    Scenario('unpause_server', paused_server, unpause, runs, as_it_was(stands)),
    Scenario('suspend_server', plain_server, suspend, sleeps, as_it_was(runs)),
    Scenario('resume_server', suspended_server, resume, runs, as_it_was(sleeps)),
    Scenario('attach_volume', server_and_volume, attach, attached),
    Scenario('detach_volume', server_with_volume, detach, detached),
    Scenario('create_volume', lambda cloud: None, make_volume, volume_made, volume_failed),
    Scenario('delete_volume', lambda cloud: cloud.volume(), remove_volume, volume_removed, volume_kept),
    Scenario('extend_volume', lambda cloud: cloud.volume(), grow, grown, not_grown),
]
