"""A volume's whole life in a cloud of one process."""

from tests.whole.test_servers import boot, gone


def volume(cloud, user, **more):
    """A volume that came to rest."""
    made = user.post('volume', '/volumes', {'volume': {'size': 1, 'name': 'v', **more}})['volume']['id']
    return at_rest(cloud, user, made)


def at_rest(cloud, user, made):
    def look():
        shown = user.get('volume', f'/volumes/{made}')['volume']
        return shown if shown['status'] in ('available', 'in-use', 'error') else None

    return cloud.wait(look)


def test_a_volume_is_made_and_leaves_nothing(cloud, admin):
    made = volume(cloud, admin)
    assert (made['status'], made['bootable'], made['volume_type']) == ('available', 'false', '__DEFAULT__')
    assert made['os-vol-host-attr:host'] in ('h1@fake#fake', 'h2@fake#fake')
    admin.delete('volume', f'/volumes/{made["id"]}')
    cloud.wait(lambda: admin.request('GET', 'volume', f'/volumes/{made["id"]}').status_code == 404)
    assert admin.get('volume', '/limits')['limits']['absolute']['totalGigabytesUsed'] == 0


def test_a_volume_from_an_image_can_be_booted_from(cloud, admin, image):
    made = volume(cloud, admin, imageRef=image)
    assert (made['status'], made['bootable']) == ('available', 'true')
    assert made['volume_image_metadata']['image_id'] == image


def test_a_volume_comes_to_a_server_and_leaves_it(cloud, admin, flavor, image):
    server = boot(cloud, admin, flavorRef=flavor, imageRef=image, networks='none')['id']
    made = volume(cloud, admin)['id']
    body = {'volumeAttachment': {'volumeId': made}}
    attached = admin.post('compute', f'/servers/{server}/os-volume_attachments', body)['volumeAttachment']
    assert attached['device'] == '/dev/vdb'
    cloud.wait(lambda: at_rest(cloud, admin, made)['status'] == 'in-use')
    assert admin.request('DELETE', 'volume', f'/volumes/{made}').status_code == 400
    refused = admin.request('POST', 'volume', f'/volumes/{made}/action', {'os-detach': {}})
    assert refused.status_code == 409
    assert admin.request('DELETE', 'compute', f'/servers/{server}/os-volume_attachments/{made}').status_code == 202
    cloud.wait(lambda: at_rest(cloud, admin, made)['status'] == 'available')


def test_a_volume_comes_to_a_server_that_has_an_ephemeral_disk_and_swap(cloud, admin, image):
    size = {'name': 'with-disks', 'vcpus': 1, 'ram': 64, 'disk': 1, 'OS-FLV-EXT-DATA:ephemeral': 1, 'swap': 64}
    flavor = admin.post('compute', '/flavors', {'flavor': size})['flavor']['id']
    server = boot(cloud, admin, flavorRef=flavor, imageRef=image, networks='none')['id']
    made = volume(cloud, admin)['id']
    body = {'volumeAttachment': {'volumeId': made}}
    attached = admin.post('compute', f'/servers/{server}/os-volume_attachments', body)['volumeAttachment']
    assert attached['device'] == '/dev/vdd'
    cloud.wait(lambda: at_rest(cloud, admin, made)['status'] == 'in-use')
    other = volume(cloud, admin)['id']
    taken = {'volumeAttachment': {'volumeId': other, 'device': '/dev/vdb'}}
    assert admin.request('POST', 'compute', f'/servers/{server}/os-volume_attachments', taken).status_code == 409
    (shown,) = admin.get('compute', f'/servers/{server}/os-volume_attachments')['volumeAttachments']
    assert shown['volumeId'] == made


def test_a_server_boots_from_a_volume_made_of_an_image(cloud, admin, flavor, image):
    disk = {'boot_index': 0, 'uuid': image, 'source_type': 'image', 'destination_type': 'volume', 'volume_size': 1,
            'delete_on_termination': True}  # fmt: skip
    server = boot(cloud, admin, flavorRef=flavor, block_device_mapping_v2=[disk], networks='none')
    assert server['status'] == 'ACTIVE', server.get('fault')
    assert server['image'] == ''
    (attached,) = server['os-extended-volumes:volumes_attached']
    assert at_rest(cloud, admin, attached['id'])['status'] == 'in-use'
    admin.delete('compute', f'/servers/{server["id"]}')
    gone(cloud, admin, server['id'])
    cloud.wait(lambda: admin.request('GET', 'volume', f'/volumes/{attached["id"]}').status_code == 404)
