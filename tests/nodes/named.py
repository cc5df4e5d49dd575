"""The commands that sentences of the guide name, and where each is run."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Run:
    """How a test runs a command as an operator on a node who has the admin's environment."""

    script: str = ''  # what is typed where the guide leaves a word to its reader
    says: str = ''  # a pattern in what it prints
    code: int = 0
    node: str = 'ctl'


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """What runs it instead, or why nothing does."""

    why: str


DEVSTACK = Elsewhere('on one machine: ./devstack/test runs it in the parts fresh, embedded and daemons')
STOPPING = Elsewhere('tests/nodes/test_operating.py stops the daemons of a host, and starts them')
NAMED: dict[str, Run | Elsewhere] = {
    './devstack/test nodes': Elsewhere('runs these'),
    'devstack/down': DEVSTACK,
    'devstack/down --purge': DEVSTACK,
    'devstack/tempest [TEST ...]': DEVSTACK,
    'devstack/test [PART ...]': DEVSTACK,
    'devstack/test fresh [--suite trixie]': DEVSTACK,
    'devstack/test rest --minutes N': DEVSTACK,
    'devstack/up': DEVSTACK,
    'devstack/up --daemons': DEVSTACK,
    'devstack/up --hosts N': Elsewhere('tests/nodes follow the same commands, by devstack/hosts.py'),
    'devstack/up --no-demo': DEVSTACK,
    "journalctl -p err -u 'nimbus-*'": Run("journalctl -p err -u 'nimbus-*' --no-pager"),
    'nimbus status': Run(says='21 of 21 parts are up'),
    'nimbus status --short': Run(says='^NIMBUS OK - '),
    'nimbus-manage image deleted': Run(),
    'nimbus-manage image restore IMAGE': Elsewhere('tests/wire/image/test_kept_images.py restores one'),
    'nimbus-manage metadefs load': Run(says='OS::Compute::VirtCPUTopology: there already'),
    'nimbus-manage metadefs load FOLDER': Elsewhere('tests/domain/image/test_load_metadefs.py loads files'),
    'nimbus up': DEVSTACK,
    'nimbus up --fake': Elsewhere('tests/fresh/test_as_user.py, by an ordinary user'),
    'nimbus why SERVER': Run('nimbus why guest-c1', says='guest-c1'),
    'nimbus capacity FLAVOR': Run('nimbus capacity small', says='in all'),
    'nimbus-manage db backup FILE': Run(
        'nimbus-manage db backup /root/nimbus.json.gz; stat -c %a /root/nimbus.json.gz', says='^600$'
    ),
    'nimbus-manage db check': Run(),
    'nimbus-manage db restore FILE': Elsewhere('tests/nodes/test_copies.py takes a copy back'),
    # Two guests of one network are on hosts that do not reach each other.
    'nimbus-manage doctor': Run(says='^WARNING ', code=1),
    'nimbus-manage host remove c1': Elsewhere('tests/nodes/test_leaving.py, once nothing is on the host'),
    'nimbus-status upgrade check': Run(says='Success'),
    'openstack --os-compute-api-version 2.1 host list': Run(says=r'\| c1 +\| compute'),
    'openstack network agent add network --dhcp AGENT NETWORK': Elsewhere(
        'tests/wire/network/test_agent_schedulers.py; here DHCP stays where the other tests expect it'
    ),
    'openstack network agent remove network --dhcp AGENT NETWORK': Elsewhere(
        'tests/wire/network/test_agent_schedulers.py; here DHCP stays where the other tests expect it'
    ),
    'openstack network agent delete': Elsewhere('tests/wire/network; these nodes keep their agents'),
    'openstack network agent show': Run(
        'openstack network agent show $(openstack network agent list --host c1 -f value -c ID -c Binary | '
        "awk '$2 ~ /openvswitch/ {print $1}')",
        says='tunneling_ip',
    ),
    'openstack security group rule create': Run(
        'openstack security group rule create --proto icmp $(openstack security group list --project admin '
        '-f value -c ID -c Name | awk \'$2 == "default" {print $1}\')',
        says='icmp',
    ),
    'openstack compute service set --enable c1 nova-compute': Run(),
    'openstack server migration list --type evacuation': Run(),
    'openstack server restore ID': Elsewhere('tests/wire/compute/test_deletion.py; these nodes delete servers at once'),
    'openstack volume backend pool list --long': Run(says='c2@'),
    'openstack volume backup record export BACKUP': Elsewhere('tests/wire/volume/test_backup_records.py'),
    'openstack volume backup record import SERVICE METADATA': Elsewhere('tests/wire/volume/test_backup_records.py'),
    'systemctl reload nimbus-api nimbus-identity nimbus-image': Run(),
    'systemctl start nimbus.target': STOPPING,
    "systemctl stop 'nimbus-*'": STOPPING,
    'systemctl stop nimbus.target': STOPPING,
}
