"""The list of extensions: how clients from before microversions asked what there is."""

from typing import Any

from nimbus.api.compute import policies
from nimbus.api.kit.routes import Call
from nimbus.common import errors

# Alias, name and description of each extension whose endpoints or fields are here.
KNOWN = (
    ('OS-DCF', 'DiskConfig', 'Whether a disk fills its flavor.'),
    ('OS-EXT-AZ', 'ExtendedAvailabilityZone', 'The availability zone of a server.'),
    ('OS-EXT-IPS', 'ExtendedIps', 'The kind of an address.'),
    ('OS-EXT-IPS-MAC', 'ExtendedIpsMac', 'The MAC address beside an address.'),
    ('OS-EXT-SRV-ATTR', 'ExtendedServerAttributes', 'Where a server runs, for operators.'),
    ('OS-EXT-STS', 'ExtendedStatus', 'The states of a server.'),
    ('OS-FLV-DISABLED', 'FlavorDisabled', 'Whether a flavor is disabled.'),
    ('OS-FLV-EXT-DATA', 'FlavorExtraData', 'The ephemeral disk of a flavor.'),
    ('OS-SCH-HNT', 'SchedulerHints', 'Hints for the scheduler with a new server.'),
    ('OS-SRV-USG', 'ServerUsage', 'When a server was launched and terminated.'),
    ('os-admin-actions', 'AdminActions', "An operator's actions on a server."),
    ('os-aggregates', 'Aggregates', 'Host aggregates.'),
    ('os-attach-interfaces', 'AttachInterfaces', 'The ports of a server.'),
    ('os-availability-zone', 'AvailabilityZone', 'Availability zones.'),
    ('os-block-device-mapping-v2-boot', 'BlockDeviceMappingV2Boot', 'Disks of a new server.'),
    ('os-config-drive', 'ConfigDrive', 'Config drives.'),
    ('os-console-output', 'ConsoleOutput', 'What a server printed.'),
    ('os-extended-volumes', 'ExtendedVolumes', 'The volumes of a server.'),
    ('os-flavor-access', 'FlavorAccess', 'Who may use a flavor.'),
    ('os-flavor-extra-specs', 'FlavorExtraSpecs', 'Extra specs of flavors.'),
    ('os-flavor-manage', 'FlavorManage', 'Making and deleting flavors.'),
    ('os-flavor-rxtx', 'FlavorRxtx', 'The rxtx_factor of a flavor.'),
    ('os-flavor-swap', 'FlavorSwap', 'The swap disk of a flavor.'),
    ('os-hypervisors', 'Hypervisors', 'Hypervisors.'),
    ('os-instance-actions', 'InstanceActions', 'What was done to a server.'),
    ('os-keypairs', 'Keypairs', 'Key pairs.'),
    ('os-quota-class-sets', 'QuotaClasses', 'Quota classes.'),
    ('os-quota-sets', 'Quotas', 'Quotas of projects.'),
    ('os-security-groups', 'SecurityGroups', 'Security groups.'),
    ('os-server-password', 'ServerPassword', 'The password that a guest left, sealed.'),
    ('os-server-start-stop', 'ServerStartStop', 'Switching a server on and off.'),
    ('os-services', 'Services', "Compute's daemons."),
    ('os-used-limits', 'UsedLimits', 'What a project holds, beside its limits.'),
    ('os-user-data', 'UserData', 'User data of a new server.'),
    ('os-volumes', 'Volumes', 'The volumes of a server.'),
)
EVERY = [
    {
        'alias': alias,
        'name': name,
        'description': description,
        'links': [],
        'namespace': 'http://docs.openstack.org/compute/ext/fake_xml',
        'updated': '2014-12-03T00:00:00Z',
    }
    for alias, name, description in KNOWN
]


def index(call: Call) -> dict[str, Any]:
    """Every extension."""
    call.check(f'{policies.API}extensions')
    return {'extensions': EVERY}


def show(call: Call, alias: str) -> dict[str, Any]:
    """One extension."""
    call.check(f'{policies.API}extensions')
    for extension in EVERY:
        if extension['alias'] == alias:
            return {'extension': extension}
    raise errors.NotFound('The resource could not be found.')
