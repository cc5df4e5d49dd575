"""A list is not ordered by what it does not show: the order would tell it, row by row."""

import json

import pytest

from tests.wire.foreign.asking import SERVICES, path
from tests.wire.foreign.queries import listing, rows_of
from tests.wire.foreign.world import MEMBER

# Columns that operators alone are shown, by their names on the wire and in the tables.
HIDDEN = ('host', 'node', 'compute_host', 'binding:host_id', 'binding:profile', 'hypervisor_hostname', 'user_id',
          'OS-EXT-SRV-ATTR:host', 'os-vol-host-attr:host', 'provider:segmentation_id', 'launched_on')  # fmt: skip


def rows(answer):
    """The ids of a list's rows in their order, and the names of what they show."""
    told = json.loads(answer.data) if answer.status == 200 else {}
    found = next((value for value in told.values() if isinstance(value, list)), [])
    found = [row for row in found if isinstance(row, dict)]
    return [row.get('id') for row in found], {name for row in found for name in row}


@pytest.mark.parametrize('service', SERVICES)
def test_what_a_list_hides_orders_nothing(world, service):
    wrong = []
    for endpoint in listing(world, service):
        if not rows_of(endpoint):
            continue
        at = path(endpoint, world.mine)
        shown = {name for whole in (at, f'{at}/detail') for name in rows(world(MEMBER, service, 'GET', whole))[1]}
        for name in HIDDEN:
            if name in shown:
                continue
            up, down = (
                rows(world(MEMBER, service, 'GET', f'{at}?sort_key={name}&sort_dir={way}')) for way in ('asc', 'desc')
            )
            if len(set(up[0])) > 1 and up[0] == down[0][::-1] and up[0] != down[0]:
                wrong.append(f'{endpoint.key} is ordered by {name}')
    assert not wrong, '\n'.join(wrong)
