"""Writes the configuration of the cloud."""

import pathlib

from devstack import mariadb, postgresql, rabbitmq
from devstack.place import Place, write_private

ETC = pathlib.Path(__file__).resolve().parent.parent / 'etc' / 'nimbus'


def write(place: Place, ovsdb: str, libvirt: str, datapath: str) -> bool:
    """The files stand as the choices say; whether anything in them changed."""
    common = {
        'DEFAULT': {'host': place.host, 'state_path': str(place.state)},
        'compute': {'driver': 'libvirt'},
        'libvirt': {'uri': libvirt, 'virt_type': place.choices.virt_type},
        'network': {'driver': 'ovs'},
        'ovs': {'ovsdb_connection': ovsdb, 'datapath_type': datapath},
        'volume': {'driver': 'file'},
        'api': {'bind': place.choices.bind},
    }
    changed = _ini(place.state / 'nimbus.conf', common)
    return changed


def database_url(place: Place) -> str:
    """How the parts of the cloud that have a database reach it."""
    servers = {'mariadb': mariadb, 'postgresql': postgresql}
    chosen = servers.get(place.choices.database)
    return chosen.url(place) if chosen else f'sqlite:///{place.state}/nimbus.sqlite'


def transport_url(place: Place, user: str) -> str:
    """How `user` reaches the message bus."""
    return rabbitmq.url(place, user) if place.choices.form == 'daemons' else 'inproc://'


def _ini(path: pathlib.Path, sections: dict[str, dict[str, str]]) -> bool:
    text = '# Written by devstack/up, and written anew by every run of it.\n'
    for name, values in sections.items():
        # A dollar sign would begin a substitution in this format.
        lines = ''.join(f'{key} = {value.replace("$", "$$")}\n' for key, value in values.items())
        text += f'\n[{name}]\n{lines}'
    if path.exists() and path.read_text() == text:
        return False
    write_private(path, text)
    return True
