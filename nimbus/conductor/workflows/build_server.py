"""Build a new server: host, ports, volumes, boot; on failure ERROR with the cause, and everything released."""

from typing import Any

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.jobs import Refused, Rewind, Run, Step, Workflow
from nimbus.compute import states
from nimbus.compute.metadata import documents
from nimbus.compute.servers import guests, servers
from nimbus.compute.servers.moves import moves
from nimbus.conductor.workflows import disks, guest_orders, vif_plugging
from nimbus.scheduler import claims, hosts


def place(run: Run) -> dict[str, Any]:
    """The server has a claim on a host, and its row names the host."""
    with run.env.db.write() as tx:
        spec = servers.spec(tx, run.subject)
        servers.task(tx, run.subject, states.SCHEDULING)
    try:
        found = run.env.scheduler(run.context).place(run.subject, request(run, spec))
    except errors.NoValidHost as why:
        given = {f'Host {host} refused the server: {said}' for host, said in run.get('refusals', {}).items()}
        inside = ' '.join([why.inside, *sorted(given)])
        raise errors.NoValidHost(f'{why.sentence}{_reasons(run)}', inside=inside) from why
    with run.env.db.write() as tx:
        servers.placed(tx, run.subject, found['host'], found['node'], found['zone'])
    return found


def request(run: Run, spec: dict[str, Any]) -> dict[str, Any]:
    """The request to the scheduler."""
    flavor, image = spec['flavor'], spec['image'] or {}
    said = flavor.get('extra_specs') or {}
    return {
        'vcpus': int(said.get('resources:VCPU', flavor['vcpus'])),
        'memory_mb': int(said.get('resources:MEMORY_MB', flavor['ram'])),
        'disk_gb': int(said.get('resources:DISK_GB', guests.local_gb(spec))),
        'project_id': spec['project_id'],
        'user_id': spec['user_id'],
        'zone': spec['zone'],
        'host': _named(run, spec),
        'only': run.get('to_host'),
        'avoid': sorted(_avoided(run)),
        'extra_specs': said,
        'image_properties': image.get('properties') or {},
        'image_id': image.get('id'),
        'flavor_name': flavor.get('name'),
        'hints': {name: value for name, value in (spec['hints'] or {}).items() if name != 'group'},
        'group': spec['group'],
    }


def _avoided(run: Run) -> set[str]:
    """The hosts that refused the server, and those that may still run a guest of it, which a new one has nowhere."""
    if run.job.workflow == 'build_server':
        return set(run.get('refusals', {}))
    with run.env.db.read() as tx:
        return {*run.get('refusals', {}), *moves.stale_hosts(tx, run.subject)}


def _named(run: Run, spec: dict[str, Any]) -> str | None:
    """The one host that an operator named, whatever filters say; where a server began binds no move of it."""
    if 'to_host' in run.job.params:
        return run.to_host if run.get('forced') else None
    return spec['forced_host']


def give_back_place(run: Run) -> None:
    """The server has no claim and no host."""
    with run.env.db.write() as tx:
        claims.release(tx, run.subject)
        servers.unplaced(tx, run.subject)


def make_ports(run: Run) -> dict[str, Any]:
    """Every network that was asked for has a port of the server's, bound to its host."""
    with run.env.db.write() as tx:
        servers.task(tx, run.subject, states.NETWORKING)
        return {'ports': vif_plugging.make(tx, run, servers.spec(tx, run.subject))}


def drop_ports(run: Run) -> None:
    """The ports made for the server are gone, those the user gave are free."""
    with run.env.db.write() as tx:
        vif_plugging.give_back(tx, run)


def wait_for_wires(run: Run) -> None:
    """The host has wired and filtered every port, before the guest can send its first packet."""
    try:
        vif_plugging.wait(run)
    except (vif_plugging.Unwired, guest_orders.HostDown) as why:
        raise elsewhere(run, why) from why


def forget_wires(run: Run) -> None:
    """The next host has its own time for wiring."""
    run.note(wired_by=None)


def connect_volumes(run: Run) -> None:
    """Every volume exists, is the server's and can be reached from its host."""
    with run.env.db.write() as tx:
        servers.task(tx, run.subject, states.DISKS)
    disks.make(run)
    disks.connect_all(run)


def disconnect_volumes(run: Run) -> None:
    """The host reaches none of the volumes."""
    disks.disconnect_all(run)


def boot(run: Run) -> dict[str, Any]:
    """The guest runs on its host, on a disk made of its image, or of the one that it comes back from."""

    def guest() -> dict[str, Any]:
        with run.env.db.write() as tx:
            servers.task(tx, run.subject, states.SPAWNING)
            drive = documents.config_drive(tx, run.subject, run.env.force_config_drive)
            found = guests.describe(tx, run.subject, drive)
            return {**found, 'image': run.get('image') or found['image']}

    try:
        return guest_orders.ask(run, 'spawn', guest)
    except Refused as why:
        with run.env.db.write() as tx:
            hosts.build_failed(tx, run.host)
        if why.kind != 'Refused':
            raise
        raise elsewhere(run, why) from why


def elsewhere(run: Run, why: errors.NimbusError) -> Exception:
    """A Rewind to another host than the one that refused the server, or the failure when enough were tried."""
    refusals = {**run.get('refusals', {}), run.host: why.inside}
    run.note(reasons={**run.get('reasons', {}), run.host: why.sentence})
    if run.job.rewinds + 1 >= run.env.max_attempts:
        return _exhausted(run, refusals)
    refused = errors.NoValidHost(
        'The host that was chosen refused the server.', inside=f'Host {run.host} refused the server: {why.inside}'
    )
    return Rewind(place, refused, refusals=refusals)


def _exhausted(run: Run, refusals: dict[str, str]) -> errors.NoValidHost:
    text = '; '.join(f'{host}: {why}' for host, why in sorted(refusals.items()))
    many = f'{len(refusals)} host{"s" * (len(refusals) != 1)}'
    inside = f'No valid host was found. {many} refused the server ({text}).'
    return errors.NoValidHost(f'No valid host was found.{_reasons(run)}', inside=inside)


def _reasons(run: Run) -> str:
    """Why the hosts that were chosen refused the server, in words that name none of them; blank where none did."""
    reasons = ' '.join(dict.fromkeys(run.get('reasons', {}).values()))
    return f' The hosts that were chosen refused the server: {reasons}' if reasons else ''


def unboot(run: Run) -> None:
    """Nothing of the guest is left on the host; one that is down destroys it when it comes back."""
    guest_orders.destroy(run, run.host)


def mark_active(tx: db.Tx, run: Run) -> None:
    """The server is ACTIVE and its volumes are in use."""
    disks.complete_all(tx, run)
    hosts.build_succeeded(tx, run.host)
    servers.built(tx, run.subject)


def mark_error(run: Run) -> None:
    """The server is ERROR with the cause, and nothing is kept for it any more."""
    with run.env.db.write() as tx:
        disks.let_go(tx, run)
        servers.failed(
            tx, run.subject, 'build', 500, run.job.error or 'The server could not be built.', run.get('inside')
        )


class BuildServer(Workflow):
    """Place a new server, plug its ports, attach its volumes and boot it; on failure release everything."""

    steps = (
        Step(place, undo=give_back_place),
        Step(make_ports, undo=drop_ports),
        Step(wait_for_wires, undo=forget_wires),
        Step(connect_volumes, undo=disconnect_volumes),
        Step(boot, undo=unboot),
    )
    on_done = staticmethod(mark_active)
    on_failure = staticmethod(mark_error)
    max_rewinds = 10  # a bound; how many hosts are tried is [scheduler] max_attempts
