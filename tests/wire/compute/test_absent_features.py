"""What doc/absent.md says of features without a path of their own is what requests are told."""

from tests.compute_world import running, volume_of
from tests.conftest import ADMIN, MEMBER


def test_a_volume_is_not_swapped_for_another(api, parts, world):
    row, one, other = running(parts.db, world), volume_of(parts.db, MEMBER), volume_of(parts.db, MEMBER)
    path = f'/servers/{row.id}/os-volume_attachments'
    api('POST', path, {'volumeAttachment': {'volumeId': one}})
    answer = api('PUT', f'{path}/{one}', {'volumeAttachment': {'volumeId': other}}, ADMIN, version='compute 2.85')
    assert answer.status == 501 and 'Swapping a volume' in answer.json['notImplemented']['message']


def test_no_image_is_checked_against_certificates(latest, world):
    server = {'name': 'vm', 'flavorRef': world.flavor, 'imageRef': world.image, 'networks': 'none'}
    answer = latest('POST', '/servers', {'server': {**server, 'trusted_image_certificates': ['a']}})
    assert answer.status == 501 and 'trusted certificates' in answer.json['notImplemented']['message']
