"""The Compute API's extensions, by which clients without microversions discover features."""

from typing import Any

from nimbus.api.compute import policies
from nimbus.api.kit import extensions
from nimbus.api.kit.extensions import Extension
from nimbus.api.kit.routes import Call
from nimbus.common import errors

BOOT, SHOW, FLAVOR = 'POST /servers', 'GET /servers/{id}', 'GET /flavors/{id}'
MORE = {'namespace': 'http://docs.openstack.org/compute/ext/fake_xml'}
UPDATED = '2014-12-03T00:00:00Z'
KNOWN = (
    Extension('OS-DCF', 'DiskConfig', 'Whether a disk fills its flavor.', (SHOW,)),
    Extension('OS-EXT-AZ', 'ExtendedAvailabilityZone', 'The availability zone of a server.', (SHOW,)),
    Extension(
        'OS-EXT-IMG-SIZE',
        'ImageSize',
        'The size of an image.',
        (
            'GET /images',
            'GET /images/{id}',
        ),
    ),
    Extension('OS-EXT-IPS', 'ExtendedIps', 'The kind of an address.', (SHOW,)),
    Extension('OS-EXT-IPS-MAC', 'ExtendedIpsMac', 'The MAC address beside an address.', (SHOW,)),
    Extension('OS-EXT-SRV-ATTR', 'ExtendedServerAttributes', 'Where a server runs, for operators.', (SHOW,)),
    Extension('OS-EXT-STS', 'ExtendedStatus', 'The states of a server.', (SHOW,)),
    Extension('OS-FLV-DISABLED', 'FlavorDisabled', 'Whether a flavor is disabled.', (FLAVOR,)),
    Extension('OS-FLV-EXT-DATA', 'FlavorExtraData', 'The ephemeral disk of a flavor.', (FLAVOR,)),
    Extension('OS-SCH-HNT', 'SchedulerHints', 'Hints for the scheduler with a new server.', (BOOT,)),
    Extension('OS-SRV-USG', 'ServerUsage', 'When a server was launched and terminated.', (SHOW,)),
    Extension('os-access-ips', 'AccessIPs', 'Access addresses of a server, set by its owner.', (BOOT,)),
    Extension('os-admin-actions', 'AdminActions', "An operator's actions on a server.", ('os-resetState',)),
    Extension(
        'os-aggregates',
        'Aggregates',
        'Host aggregates.',
        (
            'GET /os-aggregates',
            'POST /os-aggregates',
            'add_host',
            'remove_host',
            'set_metadata',
        ),
    ),
    Extension(
        'os-attach-interfaces',
        'AttachInterfaces',
        'The ports of a server.',
        (
            'GET /servers/{id}/os-interface',
            'POST /servers/{id}/os-interface',
            'DELETE /servers/{id}/os-interface/{port_id}',
        ),
    ),
    Extension('os-availability-zone', 'AvailabilityZone', 'Availability zones.', ('GET /os-availability-zone',)),
    Extension('os-block-device-mapping', 'BlockDeviceMapping', 'Disks of a new server.', (BOOT,)),
    Extension('os-block-device-mapping-v2-boot', 'BlockDeviceMappingV2Boot', 'Disks of a new server.', (BOOT,)),
    Extension('os-config-drive', 'ConfigDrive', 'Config drives.', (BOOT,)),
    Extension('os-consoles', 'Consoles', 'Consoles of a server.', ('os-getVNCConsole',)),
    Extension('os-console-output', 'ConsoleOutput', 'The console output of a server.', ('os-getConsoleOutput',)),
    Extension(
        'os-console-auth-tokens',
        'ConsoleAuthTokens',
        'Where a console is.',
        ('GET /os-console-auth-tokens/{id}',),
    ),
    Extension(
        'os-extended-hypervisors', 'ExtendedHypervisors', 'More of a hypervisor.', ('GET /os-hypervisors/detail',)
    ),
    Extension(
        'os-extended-quotas',
        'ExtendedQuotas',
        'Quotas that go back to their defaults.',
        ('DELETE /os-quota-sets/{project_id}',),
    ),
    Extension('os-extended-services', 'ExtendedServices', 'Why a daemon is disabled.', ('PUT /os-services/{id}',)),
    Extension(
        'os-extended-services-delete', 'ExtendedServicesDelete', 'Forgetting a daemon.', ('DELETE /os-services/{id}',)
    ),
    Extension('os-extended-volumes', 'ExtendedVolumes', 'The volumes of a server.', (SHOW,)),
    Extension(
        'os-flavor-access',
        'FlavorAccess',
        'Who may use a flavor.',
        (
            'GET /flavors/{id}/os-flavor-access',
            'addTenantAccess',
            'removeTenantAccess',
        ),
    ),
    Extension(
        'os-flavor-extra-specs',
        'FlavorExtraSpecs',
        'Extra specs of flavors.',
        (
            'GET /flavors/{id}/os-extra_specs',
            'POST /flavors/{id}/os-extra_specs',
        ),
    ),
    Extension(
        'os-flavor-manage',
        'FlavorManage',
        'Making and deleting flavors.',
        (
            'POST /flavors',
            'DELETE /flavors/{id}',
        ),
    ),
    Extension('os-flavor-rxtx', 'FlavorRxtx', 'The rxtx_factor of a flavor.', (FLAVOR,)),
    Extension('os-flavor-swap', 'FlavorSwap', 'The swap disk of a flavor.', (FLAVOR,)),
    Extension('os-hide-server-addresses', 'HideServerAddresses', 'No addresses while a server is built.', (SHOW,)),
    Extension(
        'os-floating-ip-pools', 'FloatingIpPools', 'Where floating IPs come from.', ('GET /os-floating-ip-pools',)
    ),
    Extension(
        'os-floating-ips',
        'FloatingIps',
        'Floating IPs.',
        (
            'GET /os-floating-ips',
            'addFloatingIp',
            'removeFloatingIp',
        ),
    ),
    Extension(
        'os-hosts',
        'Hosts',
        'Hosts and what is used of them.',
        (
            'GET /os-hosts',
            'GET /os-hosts/{name}',
        ),
    ),
    Extension('os-hypervisor-status', 'HypervisorStatus', 'The states of a hypervisor.', ('GET /os-hypervisors',)),
    Extension(
        'os-hypervisors',
        'Hypervisors',
        'Hypervisors.',
        (
            'GET /os-hypervisors',
            'GET /os-hypervisors/{id}',
        ),
    ),
    Extension(
        'os-instance-actions',
        'InstanceActions',
        'The actions on a server.',
        ('GET /servers/{id}/os-instance-actions',),
    ),
    Extension(
        'os-keypairs',
        'Keypairs',
        'Key pairs.',
        (
            'GET /os-keypairs',
            'POST /os-keypairs',
        ),
    ),
    Extension(
        'os-lock-server',
        'LockServer',
        'Locking a server.',
        (
            'lock',
            'unlock',
        ),
    ),
    Extension(
        'os-multinic',
        'Multinic',
        'Further addresses of a server.',
        (
            'addFixedIp',
            'removeFixedIp',
        ),
    ),
    Extension('os-migrations', 'Migrations', 'The moves of servers.', ('GET /os-migrations',)),
    Extension('os-multiple-create', 'MultipleCreate', 'Several new servers by one request.', (BOOT,)),
    Extension('os-networks', 'Networks', 'Networks.', ('GET /os-networks',)),
    Extension('os-personality', 'Personality', 'Files of a new server.', (BOOT,)),
    Extension('os-quota-class-sets', 'QuotaClasses', 'Quota classes.', ('GET /os-quota-class-sets/{name}',)),
    Extension('os-quota-sets', 'Quotas', 'Quotas of projects.', ('GET /os-quota-sets/{project_id}',)),
    Extension(
        'os-remote-consoles',
        'Consoles',
        'The screen and the serial port of a server.',
        (
            'os-getVNCConsole',
            'os-getSerialConsole',
        ),
    ),
    Extension(
        'os-security-groups',
        'SecurityGroups',
        'Security groups.',
        (
            'GET /os-security-groups',
            'GET /servers/{id}/os-security-groups',
            'addSecurityGroup',
            'removeSecurityGroup',
        ),
    ),
    Extension(
        'os-server-external-events',
        'ServerExternalEvents',
        'What other services tell of servers.',
        ('POST /os-server-external-events',),
    ),
    Extension(
        'os-server-group-quotas', 'ServerGroupQuotas', 'Quotas of groups of servers.', ('POST /os-server-groups',)
    ),
    Extension(
        'os-server-groups',
        'ServerGroups',
        'Groups of servers.',
        (
            'GET /os-server-groups',
            'POST /os-server-groups',
        ),
    ),
    Extension(
        'os-server-list-multi-status', 'ServerListMultiStatus', 'Servers in one of several states.', ('GET /servers',)
    ),
    Extension(
        'os-server-password',
        'ServerPassword',
        'The password that a guest has set, encrypted.',
        ('GET /servers/{id}/os-server-password',),
    ),
    Extension('os-server-sort-keys', 'ServerSortKeys', 'The order of servers.', ('GET /servers',)),
    Extension(
        'os-server-start-stop',
        'ServerStartStop',
        'Switching a server on and off.',
        (
            'os-start',
            'os-stop',
        ),
    ),
    Extension(
        'os-services',
        'Services',
        "Compute's daemons.",
        (
            'GET /os-services',
            'PUT /os-services/{id}',
        ),
    ),
    Extension(
        'os-simple-tenant-usage',
        'SimpleTenantUsage',
        'What projects used.',
        (
            'GET /os-simple-tenant-usage',
            'GET /os-simple-tenant-usage/{project_id}',
        ),
    ),
    Extension('os-tenant-networks', 'OSTenantNetworks', "A project's networks.", ('GET /os-tenant-networks',)),
    Extension('os-used-limits', 'UsedLimits', 'What a project holds, beside its limits.', ('GET /limits',)),
    Extension(
        'os-used-limits-for-admin', 'UsedLimitsForAdmin', 'What any project holds, for operators.', ('GET /limits',)
    ),
    Extension('os-user-data', 'UserData', 'User data of a new server.', (BOOT,)),
    Extension(
        'os-volumes',
        'Volumes',
        'Volumes, and those of a server.',
        (
            'GET /os-volumes',
            'GET /servers/{id}/os-volume_attachments',
            'POST /servers/{id}/os-volume_attachments',
        ),
    ),
)


def index(call: Call) -> dict[str, Any]:
    """Every extension that is served."""
    call.check(f'{policies.API}extensions')
    found = extensions.served(KNOWN, call.api.routes)
    return {'extensions': [extensions.view(extension, UPDATED, **MORE) for extension in found]}


def show(call: Call, alias: str) -> dict[str, Any]:
    """One extension."""
    call.check(f'{policies.API}extensions')
    for extension in extensions.served(KNOWN, call.api.routes):
        if extension.alias == alias:
            return {'extension': extensions.view(extension, UPDATED, **MORE)}
    raise errors.NotFound('The resource could not be found.')
