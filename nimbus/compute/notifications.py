"""Nova's unversioned notifications of servers, posted in the transaction that changes a server's state."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import context, jobs
from nimbus.common.database import db
from nimbus.common.messaging import outbox
from nimbus.compute.models import Server
from nimbus.network.ports import ports

# Nova's name of each verb; of the volume verbs only the end is published.
EVENTS = {
    'build': 'create',
    'delete': 'delete',
    'start': 'power_on',
    'stop': 'power_off',
    'reboot': 'reboot',
    'reboot_hard': 'reboot',
    'resize': 'resize',
    'migrate': 'resize',
    'migrate_live': 'live_migration._post',
    'confirm_resize': 'resize.confirm',
    'revert_resize': 'resize.revert',
    'pause': 'pause',
    'unpause': 'unpause',
    'suspend': 'suspend',
    'resume': 'resume',
    'soft_delete': 'soft_delete',
    'restore': 'restore',
    'rebuild': 'rebuild',
    'evacuate': 'rebuild',
    'rescue': 'rescue',
    'unrescue': 'unrescue',
    'snapshot': 'snapshot',
    'backup': 'snapshot',
    'shelve': 'shelve',
    'shelve_offload': 'shelve_offload',
    'unshelve': 'unshelve',
}


def began(tx: db.Tx, asker: context.Context, server_id: str, verb: str) -> None:
    """The notification is posted that the verb has begun."""
    if tx.publisher is not None and verb in EVENTS:
        more = {'image_name': (_row(tx, server_id).image or {}).get('name')} if verb == 'build' else {}
        _post(tx, asker, server_id, f'{EVENTS[verb]}.start', more)


def ended(tx: db.Tx, server_id: str, verb: str) -> bool:
    """The notification is posted that the verb is over; returns True, so that calls can be chained."""
    if tx.publisher is not None and verb in EVENTS:
        more = {'fixed_ips': _fixed_ips(tx, server_id), 'message': 'Success'} if verb == 'build' else {}
        _post(tx, jobs.asker(tx, server_id), server_id, f'{EVENTS[verb]}.end', more)
    return True


def failed(tx: db.Tx, server_id: str, verb: str, code: int, message: str) -> bool:
    """The notification is posted that the verb has failed, and why; returns True, so that calls can be chained."""
    if tx.publisher is not None and verb in EVENTS:
        more = {'code': code, 'message': message, 'exception': message}
        _post(tx, jobs.asker(tx, server_id), server_id, f'{EVENTS[verb]}.error', more, outbox.ERROR)
    return True


def volume_moved(tx: db.Tx, server_id: str, volume_id: str, verb: str) -> None:
    """The notification is posted that the server's volume was attached (`attach`) or detached (`detach`)."""
    if tx.publisher is not None:
        _post(tx, jobs.asker(tx, server_id), server_id, f'volume.{verb}', {'volume_id': volume_id})


def _post(
    tx: db.Tx,
    asker: context.Context | None,
    server_id: str,
    what: str,
    more: dict[str, Any],
    priority: str = outbox.INFO,
) -> None:
    row = _row(tx, server_id)
    payload = describe(row) | more
    outbox.post(tx, asker, 'compute', f'compute.instance.{what}', lambda: payload, host=row.host, priority=priority)


def _row(tx: db.Tx, server_id: str) -> Any:
    return tx.row(sa.select(Server).where(Server.id == server_id))


def _fixed_ips(tx: db.Tx, server_id: str) -> list[dict[str, Any]]:
    return [
        {
            'address': address['ip'],
            'version': address['version'],
            'type': 'fixed',
            'meta': {},
            'floating_ips': [],
            'label': nic['network_name'],
            'vif_mac': nic['mac'],
        }
        for nic in ports.nics(tx, server_id)
        for address in nic['addresses']
    ]


def describe(row: Any) -> dict[str, Any]:
    """The server under the names of Nova's payload."""
    flavor, image = row.flavor, row.image or {}
    properties = image.get('properties') or {}
    return {
        'tenant_id': row.project_id,
        'user_id': row.user_id,
        'instance_id': row.id,
        'display_name': row.name,
        'reservation_id': row.reservation_id,
        'hostname': row.hostname,
        'instance_type': flavor['name'],
        'instance_type_id': row.flavor_id,
        'instance_flavor_id': row.flavor_id,
        'architecture': properties.get('hw_architecture') or properties.get('architecture'),
        'memory_mb': flavor['ram'],
        'vcpus': flavor['vcpus'],
        'root_gb': flavor['disk'],
        'ephemeral_gb': flavor['ephemeral'],
        'disk_gb': flavor['disk'] + flavor['ephemeral'],
        'host': row.host,
        'node': row.node,
        'availability_zone': row.zone,
        'cell_name': '',
        'created_at': _moment(row.created_at),
        'launched_at': _moment(row.launched_at),
        'terminated_at': _moment(row.deleted_at),
        'deleted_at': _moment(row.deleted_at),
        'image_ref_url': f'images/{row.image_id}' if row.image_id else '',
        'image_meta': _image_meta(image),
        'os_type': properties.get('os_type'),
        'kernel_id': properties.get('kernel_id') or '',
        'ramdisk_id': properties.get('ramdisk_id') or '',
        'state': row.vm_state,
        'state_description': row.task_state or '',
        'progress': row.progress or '',
        'access_ip_v4': row.access_ip_v4,
        'access_ip_v6': row.access_ip_v6,
        'metadata': row.properties,
    }


def _image_meta(image: dict[str, Any]) -> dict[str, Any]:
    if not image:
        return {}
    facts = {
        name: str(image[name]) for name in ('disk_format', 'container_format', 'min_disk', 'min_ram') if name in image
    }
    return {'base_image_ref': image.get('id') or '', **facts, **(image.get('properties') or {})}


def _moment(moment: datetime.datetime | None) -> str:
    """The time as Nova's unversioned payloads have it: with a blank in the middle, empty for none."""
    return str(moment) if moment else ''
