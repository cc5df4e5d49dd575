"""`nimbus capacity` counts how many more servers of a flavor fit."""

import urllib.parse

import pytest

from nimbus.cli import capacity

SMALL = {'id': '1', 'name': 'small', 'vcpus': 2, 'ram': 1024, 'disk': 10, 'OS-FLV-EXT-DATA:ephemeral': 5, 'swap': 512}


class Asked:
    """A cloud with two hosts, one of which has room for few."""

    def __init__(self, flavor):
        self.flavor, self.paths = flavor, []

    def get(self, service, path, version=None):
        self.paths.append(urllib.parse.unquote(path))
        rooms = {'u1': (8, 8192, 100), 'u2': (64, 4096, 500)}
        room = {
            uuid: {'resources': {k: {'capacity': n + 1, 'used': 1} for k, n in zip(capacity.NEEDS, sizes, strict=True)}}
            for uuid, sizes in rooms.items()
        }
        return {
            'flavors': [self.flavor],
            'provider_summaries': room,
            'resource_providers': [{'uuid': 'u1', 'name': 'n1'}, {'uuid': 'u2', 'name': 'n2'}],
        }


@pytest.mark.parametrize(
    'specs, found, query',
    [
        ({}, {'n1': 4, 'n2': 4}, 'VCPU:2,MEMORY_MB:1024,DISK_GB:16&required=!COMPUTE_STATUS_DISABLED'),
        ({'resources:VCPU': '8'}, {'n1': 1, 'n2': 4}, 'VCPU:8,MEMORY_MB:1024,DISK_GB:16'),
        ({'resources:VCPU': '0', 'resources:MEMORY_MB': '0'}, {'n1': 6, 'n2': 31}, 'resources=DISK_GB:16'),
        ({'trait:CUSTOM_A': 'required', 'trait:CUSTOM_B': 'forbidden'}, {'n1': 4, 'n2': 4}, ',CUSTOM_A,!CUSTOM_B'),
    ],
)
def test_the_scarcest_resource_says_how_many_fit(specs, found, query):
    asked = Asked({**SMALL, 'extra_specs': specs})
    flavor = capacity.find(asked, 'small')
    assert capacity.fitting(asked, flavor) == found
    assert any(query in path for path in asked.paths), asked.paths


def test_a_flavor_is_found_by_id_and_by_name_and_by_nothing_else():
    asked = Asked(SMALL)
    assert capacity.find(asked, '1') == capacity.find(asked, 'small') == SMALL
    assert capacity.find(asked, 'smal') is None


def test_the_fullest_host_comes_last_and_the_sum_after_it():
    assert capacity.story('small', {'n1': 3, 'n2': 12}) == [
        '    12  n2',
        '     3  n1',
        '    15  servers of the flavor small in all',
    ]
