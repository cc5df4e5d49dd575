"""Servers whose image has a kernel and a ramdisk of its own: what is kept, shown, searched and refused."""

import pytest

from nimbus.compute.guest import Guest
from nimbus.compute.servers import guests
from tests.compute_world import add_image
from tests.conftest import ADMIN, STRANGER

KERNEL, RAMDISK = (f'6c2c8f0e-8a5b-4c57-9d3c-0000000000c{number}' for number in (1, 2))
OWN = '6c2c8f0e-8a5b-4c57-9d3c-0000000000c3'
IDS = ('OS-EXT-SRV-ATTR:kernel_id', 'OS-EXT-SRV-ATTR:ramdisk_id')


@pytest.fixture
def asked(api, world, parts):
    """Asks for a server of an image that names them."""

    def ask(kernel=KERNEL, ramdisk=RAMDISK, **of_kernel):
        with parts.db.write() as tx:
            add_image(tx, KERNEL, **{'disk_format': 'aki', 'os_hash_algo': 'sha512', 'os_hash_value': '0'} | of_kernel)
            add_image(tx, RAMDISK, disk_format='ari', os_hash_algo='sha512', os_hash_value='0')
            wished = {'kernel_id': kernel, 'ramdisk_id': ramdisk, 'os_command_line': 'quiet'}
            add_image(tx, OWN, properties={name: value for name, value in wished.items() if value})
        return api('POST', '/servers', {'server': {'name': 'vm', 'flavorRef': world.flavor, 'imageRef': OWN}})

    return ask


def test_a_server_keeps_and_shows_what_it_starts_with(api, asked, parts):
    server_id = asked().json['server']['id']
    shown = api('GET', f'/servers/{server_id}', version='compute 2.3', asker=ADMIN).json['server']
    assert [shown[name] for name in IDS] == [KERNEL, RAMDISK]
    with parts.db.read() as tx:
        made = Guest.from_dict(guests.describe(tx, server_id))
    assert made.kernel and made.kernel.disk_format == 'aki' and made.ramdisk and made.ramdisk.id == RAMDISK


@pytest.mark.parametrize(('asks', 'found'), [(KERNEL, 1), (RAMDISK, 0), ('', 0)])
def test_servers_are_found_by_their_kernel(api, asked, asks, found):
    assert asked().status == 202
    listed = api('GET', f'/servers?kernel_id={asks}&all_tenants=1', asker=ADMIN).json['servers']
    assert len(listed) == found


@pytest.mark.parametrize(
    ('wished', 'told'),
    [
        ({'kernel': OWN.replace('c3', 'c9')}, 'The property kernel_id='),
        ({'kernel': None}, 'The property ramdisk_id of the image is not supported without a kernel_id'),
        (
            {'visibility': 'private', 'owner': STRANGER.project_id},
            f'The property kernel_id={KERNEL} of the image names',
        ),
        ({'status': 'queued'}, 'names no image that can be used'),
        ({'disk_format': 'qcow2'}, 'names no image that can be used'),
    ],
)
def test_a_kernel_that_cannot_be_used_is_refused(asked, wished, told):
    answer = asked(**wished)
    assert answer.status == 400 and told in answer.json['badRequest']['message']


def test_an_image_may_say_that_it_has_none(asked):
    assert asked(kernel='nokernel', ramdisk=None).status == 400  # its words are for a kernel
