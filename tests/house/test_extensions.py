"""The extensions that an API tells are those that it serves."""

import pytest

from nimbus.api.compute import extensions as compute
from nimbus.api.compute import routes as compute_routes
from nimbus.api.kit.extensions import served
from nimbus.api.volume import info as volume
from nimbus.api.volume import routes as volume_routes

TABLES = [(compute.KNOWN, compute_routes.ROUTES), (volume.KNOWN, volume_routes.ROUTES)]


@pytest.mark.parametrize(('known', 'routes'), TABLES, ids=['compute', 'volume'])
def test_an_extension_is_told_while_each_of_its_endpoints_is_served(known, routes):
    told = served(known, routes)
    assert len(told) > 15
    for extension in told:
        for need in extension.needs:
            left = [route for route in routes if need not in (route.action, f'{route.method} {route.path}')]
            assert extension not in served(known, left), (extension.alias, need)


def test_what_clients_ask_for_before_they_go_on_is_told():
    aliases = [{extension.alias for extension in served(*table)} for table in TABLES]
    assert {'os-hosts', 'os-hypervisors', 'os-server-start-stop', 'os-lock-server'} <= aliases[0]
    assert {'os-types-manage', 'os-types-extra-specs', 'os-admin-actions', 'scheduler-stats'} <= aliases[1]


def test_what_is_absent_is_not_told():
    told = {extension.alias for table in TABLES for extension in served(*table)}
    assert not told & {'os-fping', 'os-shelve', 'capabilities', 'qos-specs'}
