"""`nimbus-manage host check`: checks that a host's agents will work, before they are started.

It changes nothing and needs no database.  Each check reports on one thing, as those of `nimbus-manage doctor` do.
"""

import email.utils
import hashlib
import hmac
import importlib.util
import os
import pathlib
import pwd
import shutil
import socket
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from typing import Any

from nimbus.cmd import owner, services, wiring
from nimbus.cmd.manage import broker, checks
from nimbus.cmd.manage.checks import FAILURE, WARNING, Finding
from nimbus.common import errors

LIBRARIES = ('libvirt', 'pyroute2', 'ovsdbapp')
# The packages are those of Debian.
PROGRAMS = {
    'qemu-system-x86_64': 'qemu-system-x86',
    'qemu-img': 'qemu-utils',
    'ovs-ofctl': 'openvswitch-switch',
    'dnsmasq': 'dnsmasq-base',
    'haproxy': 'haproxy',
    'radvd': 'radvd',
    'ip': 'iproute2',
    'iptables-restore': 'iptables',
    'ipset': 'ipset',
    'conntrack': 'conntrack',
}
PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
TIMEOUT = 5  # seconds that another host may take to answer


def main(conf: Any, _args: Any) -> int:
    """Print what every check found, a line each; 0 when all is well, 1 with warnings, 2 with failures."""
    if os.geteuid() != 0:
        raise errors.Forbidden('Only root can see what the users of QEMU and dnsmasq may do: run this as root.')
    found = list(checks.run(conf, None, EVERY))
    for finding in found:
        print(checks.line(finding))
    return max(finding.level for finding in found)


def libraries(_conf: Any, _parts: Any) -> Iterator[Finding]:
    """The libraries of agents are installed beside this program."""
    if missing := [name for name in LIBRARIES if importlib.util.find_spec(name) is None]:
        yield Finding(
            FAILURE, 'libraries', f'{", ".join(missing)} cannot be imported: pip install with the extra host.'
        )


def programs(_conf: Any, _parts: Any) -> Iterator[Finding]:
    """The programs that agents run are installed."""
    if missing := [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]:
        packages = ' '.join(PROGRAMS[name] for name in missing)
        yield Finding(FAILURE, 'programs', f'{", ".join(missing)} cannot be found: apt-get install {packages}.')


def configuration(conf: Any, _parts: Any) -> Iterator[Finding]:
    """The files of the configuration are there, hold what agents need, and are not everybody's to read."""
    for path in map(pathlib.Path, getattr(conf, 'config_file', None) or ()):
        if path.stat().st_mode & 0o004:
            yield Finding(WARNING, 'configuration', f'{path} can be read by every user of this host: chmod 640.')
    if conf.database.url:
        yield Finding(WARNING, 'configuration', "[database] url is set: a host of agents needs no database's password.")
    wanted = {
        '[service_user] password': conf.service_user.password,
        '[metadata] shared_secret': conf.metadata.shared_secret,
    }
    for name, value in wanted.items():
        if not value:
            yield Finding(
                FAILURE, 'configuration', f'{name} is not set: "nimbus-manage host add" prints it with the rest.'
            )


def hypervisor(conf: Any, _parts: Any) -> Iterator[Finding]:
    """libvirt answers and runs guests of the kind wanted, with KVM where the host has it."""
    if (seen := _libvirt(conf)) is None:
        return
    wanted = conf.libvirt.virt_type or ('kvm' if os.path.exists('/dev/kvm') else 'qemu')
    if wanted not in seen.kinds:
        kinds = ', '.join(sorted(seen.kinds)) or 'nothing'
        yield Finding(
            FAILURE,
            'hypervisor',
            f'libvirt {seen.version} runs {kinds} here, and [libvirt] virt_type is {wanted}'
            + ('' if os.path.exists('/dev/kvm') else ': this host has no /dev/kvm') + '.',
        )  # fmt: skip
    elif wanted == 'qemu':
        why = 'this host has no /dev/kvm' if 'kvm' not in seen.kinds else '[libvirt] virt_type says so'
        yield Finding(WARNING, 'hypervisor', f'Guests are emulated, which is slow: {why}.')


def disks_of_guests(conf: Any, _parts: Any) -> Iterator[Finding]:
    """QEMU's user gets to the disks of guests and to volumes."""
    seen = _libvirt(conf)
    instances = pathlib.Path(conf.compute.instances_path or pathlib.Path(conf.state_path, 'instances'))
    volumes = pathlib.Path(conf.volume.path or pathlib.Path(conf.state_path, 'volumes'))
    for folder in (instances, instances / '_base', volumes):
        yield from _walk('disks of guests', seen.user if seen else None, folder, os.X_OK)


def files_of_networks(conf: Any, _parts: Any) -> Iterator[Finding]:
    """dnsmasq's user reads what the agent writes for it."""
    from nimbus.network.agent.host.settings import Settings

    user = pwd.getpwnam(Settings(state_dir='').daemon_user)
    root = pathlib.Path(conf.state_path, 'network', wiring.host_name(conf))
    for folder in (root, root / 'dhcp', *sorted((root / 'dhcp').glob('*'))):
        yield from _walk('files of networks', user, folder, os.R_OK | os.X_OK)


def _walk(what: str, user: pwd.struct_passwd | None, folder: pathlib.Path, mode: int) -> Iterator[Finding]:
    """The user gets into the folder; what is missing is made by the agent, below a folder where that must hold too."""
    if user is None or user.pw_uid == 0:
        return
    for step in (*reversed(folder.parents), folder):
        if not step.exists():
            return
        if not owner.may(user, step, mode if step == folder else os.X_OK):
            mode = f'{step} has mode {step.stat().st_mode & 0o777:o} of {_name(step.stat().st_uid)}'
            yield Finding(FAILURE, what, f'{user.pw_name} cannot get into {folder}: {mode}.')
            return


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _libvirt(conf: Any) -> Any:
    """libvirt's version and capabilities; None with fake drivers, or where libvirt would start within this process."""
    if conf.compute.driver != 'libvirt' or '/embed' in conf.libvirt.uri:
        return None
    from nimbus.compute.agent.libvirt import probe

    return probe.look(conf.libvirt.uri)


def switch(conf: Any, _parts: Any) -> Iterator[Finding]:
    """Open vSwitch answers, and bridged traffic passes iptables, where security groups are enforced."""
    if conf.network.driver != 'ovs':
        return
    kind, _, place = conf.network.ovsdb.partition(':')
    try:
        if kind == 'unix':
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(TIMEOUT)
                sock.connect(place)
        else:
            host, _, port = place.rpartition(':')
            socket.create_connection((host, int(port)), timeout=TIMEOUT).close()
    except OSError as why:
        yield Finding(FAILURE, 'switch', f'Open vSwitch does not answer at {conf.network.ovsdb}: {why}.')
    if not os.path.exists('/proc/sys/net/bridge/bridge-nf-call-iptables'):
        yield Finding(WARNING, 'switch', 'Without the kernel module br_netfilter no security group is enforced.')


def bus(conf: Any, _parts: Any) -> Iterator[Finding]:
    """The broker accepts this host's account, which has the permissions of agents, and none for other hosts."""
    import amqp
    import oslo_messaging

    if not conf.bus.startswith('rabbit:'):
        yield Finding(FAILURE, 'bus', 'bus is not rabbit://...: agents on a host of their own could not be reached.')
        return
    host, url = wiring.host_name(conf), oslo_messaging.TransportURL.parse(conf, conf.bus)
    for server in url.hosts:
        place = f'{server.hostname}:{server.port or 5672}'
        connection = amqp.Connection(
            place,
            userid=server.username,
            password=server.password,
            virtual_host=url.virtual_host or '/',
            connect_timeout=TIMEOUT,
            read_timeout=TIMEOUT,
        )
        try:
            connection.connect()
        except (OSError, amqp.AMQPError) as why:
            reason = str(why) or type(why).__name__
            yield Finding(FAILURE, 'bus', f'The broker at {place} does not take {server.username}: {reason}.')
            continue
        yield from _permissions(connection, host, server.username)
        connection.close()


def _permissions(connection: Any, host: str, account: str) -> Iterator[Finding]:
    if refused := [name for name in broker.AGENTS if not _may_use(connection, f'{name}.{host}')]:
        yield Finding(
            FAILURE,
            'bus',
            f'{account} may not use the queues of {", ".join(refused)} on {host}: "nimbus-manage host add {host}" on '
            f'a control host makes an account for it, if [DEFAULT] host is right.',
        )
    if _may_use(connection, f'compute.not-{host}'):
        sentence = f'{account} may use the queues of other hosts: give this host an account of its own by host add.'
        yield Finding(WARNING, 'bus', sentence)


def _may_use(connection: Any, queue: str) -> bool:
    """Whether the account may read from and write to the queue; tested by unbinding, which changes nothing."""
    import amqp

    channel = connection.channel()
    try:
        channel.queue_unbind(queue, exchange='nimbus', routing_key=f'host-check-{uuid.uuid4()}')
        channel.close()
    except amqp.AccessRefused:
        return False
    except amqp.NotFound:  # it does not exist yet; a lack of permission would have been reported before that
        pass
    return True


def identity(conf: Any, _parts: Any) -> Iterator[Finding]:
    """The service user can log in, the clocks agree, and the catalog's image service answers from here."""
    from keystoneauth1 import exceptions

    user, url = conf.service_user, services.identity_url(conf)
    session = services.service_user(conf).plain_session()
    try:
        answer = session.get(url, authenticated=False, connect_retries=0)
        yield from _clock(answer.headers.get('Date'), url)
        session.get_token()
        where = session.get_endpoint(service_type='image', interface='internal')
    except exceptions.ClientException as why:
        yield Finding(FAILURE, 'identity', f'{user.username} cannot log in at {url}: {why}.')
        return
    try:
        session.get(f'{where}/healthcheck', authenticated=False, connect_retries=0)
    except exceptions.ClientException as why:
        sentence = f'The catalog names {where} for images, which does not answer from here: {why}.'
        hint = ' Set [api] public_host on the control hosts and bootstrap again.' if _is_here(where) else ''
        yield Finding(FAILURE, 'identity', sentence + hint)


def _is_here(url: str | None) -> bool:
    return wiring.is_loopback(urllib.parse.urlsplit(url or '').hostname or 'localhost')


def _clock(date: str | None, url: str) -> Iterator[Finding]:
    if not date:
        return
    skew = time.time() - email.utils.parsedate_to_datetime(date).timestamp()
    if abs(skew) > checks.SKEW:
        side = 'ahead of' if skew > 0 else 'behind'
        yield Finding(
            WARNING, 'clock', f'The clock of this host is {abs(skew):.0f} seconds {side} that of {url}: use NTP.'
        )


def metadata(conf: Any, _parts: Any) -> Iterator[Finding]:
    """The metadata API answers from here and has the same shared_secret, which signs guests' requests."""
    import requests

    url = conf.metadata.url or wiring.url_of(conf, 'metadata')
    nobody = str(uuid.uuid4())
    signed = hmac.new(conf.metadata.shared_secret.encode(), nobody.encode(), hashlib.sha256).hexdigest()
    headers = {'X-Instance-ID': nobody, 'X-Tenant-ID': nobody, 'X-Instance-ID-Signature': signed}
    try:
        status = requests.get(f'{url}/latest/meta-data/instance-id', headers=headers, timeout=TIMEOUT).status_code
    except requests.RequestException as why:
        yield Finding(FAILURE, 'metadata', f'The metadata API does not answer at {url}: {why}.')
        return
    if status != 404:  # 404: there is no such server, and only a request with a valid signature gets this answer
        reason = (
            '[metadata] shared_secret is not the one of the control hosts' if status == 403 else f'it answers {status}'
        )
        yield Finding(FAILURE, 'metadata', f'Requests of guests would be refused at {url}: {reason}.')


def consoles(conf: Any, _parts: Any) -> Iterator[Finding]:
    """Guests' consoles listen where nimbus-console, which is on control hosts, reaches them."""
    at = conf.libvirt.server_proxyclient_address or conf.libvirt.vnc_listen
    if conf.compute.driver == 'libvirt' and conf.bus.startswith('rabbit') and wiring.is_loopback(at):
        yield Finding(
            WARNING,
            'consoles',
            f"Guests' consoles are at {at}, where no other host reaches them: set [libvirt] vnc_listen to an "
            'address that control hosts reach, and nobody else.',
        )


EVERY: tuple[checks.Check, ...] = (
    libraries,
    programs,
    configuration,
    hypervisor,
    disks_of_guests,
    files_of_networks,
    switch,
    bus,
    identity,
    metadata,
    consoles,
    checks.disk_space,
)
