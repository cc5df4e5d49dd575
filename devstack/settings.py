"""Writes nimbus's configuration files for the cloud of devstack/up."""

import pathlib

from devstack import mariadb, outside, postgresql, rabbitmq
from devstack.place import Place, write_private

# Mild enough for a cloud to try things in, and so that what enforces them is always tried.
COMPLIANCE = {'lockout_failure_attempts': '2', 'lockout_duration': '5', 'unique_last_password_count': '2'}
# Away from the ports of every cloud that stands on one machine beside others.
SERIAL_PORTS = '23000:26000'
Sections = dict[str, dict[str, str]]


def files(place: Place, agent: bool = False) -> list[pathlib.Path]:
    """The configuration files of a process; an agent's do not include the database's password."""
    own = [] if agent or place.choices.form == 'embedded' else [place.state / 'control.conf']
    return [place.state / 'nimbus.conf', *own]


def write(place: Place, ovsdb: str, libvirt: str, datapath: str) -> bool:
    """The files stand as the choices say; whether anything in them changed."""
    common: Sections = {
        'DEFAULT': {'host': place.host, 'state_path': str(place.state)},
        'api': {'listen': place.choices.bind, 'port_offset': str(place.choices.port_offset)},
        # What devstack/down switched off runs again after the next devstack/up.
        'compute': {
            'driver': 'libvirt',
            'resume_guests_state_on_host_boot': 'true',
            'allow_resize_to_same_host': 'true',
        },
        'libvirt': {
            'uri': libvirt,
            'virt_type': place.choices.virt_type,
            'serial_console': 'true',
            'serial_port_range': SERIAL_PORTS,
        },
        'network': {
            'driver': 'ovs',
            'ovsdb': ovsdb,
            'datapath_type': datapath,
            'bridge_mappings': f'{outside.PHYSICAL}:{outside.BRIDGE}',
        },
        'volume': {'driver': 'file'},
        'security_compliance': COMPLIANCE,
    }
    if place.choices.form == 'embedded':
        return _ini(place.state / 'nimbus.conf', common)
    common['service_user'] = {'password': place.secret('nimbus')}
    common['metadata'] = {'shared_secret': place.secret('metadata')}
    common['DEFAULT']['bus'] = rabbitmq.url(place, rabbitmq.agent(place))
    database = {'mariadb': mariadb, 'postgresql': postgresql}[place.choices.database]
    control: Sections = {
        'DEFAULT': {'bus': rabbitmq.url(place, rabbitmq.CONTROL)},
        'database': {'url': database.url(place)},
    }
    changed = [_ini(place.state / 'nimbus.conf', common), _ini(place.state / 'control.conf', control)]
    return any(changed)


def _ini(path: pathlib.Path, sections: Sections) -> bool:
    text = '# Written by devstack/up, and written anew by every run of it.\n'
    for name, values in sections.items():
        # A dollar sign would begin a substitution in this format.
        lines = ''.join(f'{key} = {value.replace("$", "$$")}\n' for key, value in values.items())
        text += f'\n[{name}]\n{lines}'
    if path.exists() and path.read_text() == text:
        return False
    write_private(path, text)
    return True
