"""Retypes over HTTP: a volume has another type where its store suits that one."""

import pytest

from nimbus.common import ids
from nimbus.volume.models import Volume
from tests.conftest import ADMIN, MEMBER, READER, STRANGER


@pytest.fixture
def kind(latest):
    """Makes a volume type."""

    def kind(name, **more):
        answer = latest('POST', '/types', {'volume_type': {'name': name, **more}}, asker=ADMIN)
        assert answer.status == 200, answer.data
        return answer.json['volume_type']['id']

    return kind


def put(wired, volume, status):
    with wired.db.write() as tx:
        tx.update(Volume, Volume.id == volume, status=status)


@pytest.mark.parametrize('policy', [{}, {'migration_policy': 'never'}, {'migration_policy': 'on-demand'}])
@pytest.mark.parametrize('status', ['available', 'in-use'])
def test_a_volume_has_the_type_it_is_given(act, make, kind, show, wired, policy, status):
    volume = make()
    kind('quick', extra_specs={'volume_backend_name': 'fake'})
    put(wired, volume, status)
    assert act(volume, 'os-retype', {'new_type': 'quick', **policy}).status == 202
    found = show(volume)
    assert (found['volume_type'], found['status'], found['os-vol-host-attr:host']) == ('quick', status, 'h1@fake#fake')


def test_a_type_that_the_store_does_not_suit_is_refused(act, make, kind, show):
    volume = make()
    kind('elsewhere', extra_specs={'volume_backend_name': 'nowhere'})
    for policy in ('never', 'on-demand'):
        answer = act(volume, 'os-retype', {'new_type': 'elsewhere', 'migration_policy': policy})
        assert answer.status == 400 and 'elsewhere' in answer.json['badRequest']['message']
    assert show(volume)['volume_type'] == '__DEFAULT__'


@pytest.mark.parametrize('status', ['creating', 'error', 'deleting', 'extending', 'awaiting-transfer'])
def test_a_volume_that_is_busy_keeps_its_type(act, make, kind, show, wired, status):
    volume = make()
    kind('quick')
    put(wired, volume, status)
    assert act(volume, 'os-retype', {'new_type': 'quick'}).status == 400
    assert show(volume)['volume_type'] == '__DEFAULT__'


def test_what_a_guest_obeys_does_not_change_under_it(latest, act, make, kind, wired):
    volume, quick = make(), kind('quick')
    body = {'qos_specs': {'name': 'q', 'consumer': 'front-end', 'total_iops_sec': '9'}}
    qos = latest('POST', '/qos-specs', body, asker=ADMIN).json['qos_specs']['id']
    latest('GET', f'/qos-specs/{qos}/associate?vol_type_id={quick}', asker=ADMIN)
    put(wired, volume, 'in-use')
    assert act(volume, 'os-retype', {'new_type': quick}).status == 400
    put(wired, volume, 'available')
    assert act(volume, 'os-retype', {'new_type': quick}).status == 202


def test_bad_requests_are_refused(act, make, kind):
    volume = make()
    kind('hidden', **{'os-volume-type-access:is_public': False})
    assert act(volume, 'os-retype', {'new_type': '__DEFAULT__'}).status == 400
    for wanted in ('hidden', 'none', ids.dashed()):
        assert act(volume, 'os-retype', {'new_type': wanted}).status == 404
    for body in ({}, {'new_type': ''}, {'new_type': None}, {'new_type': 'x', 'migration_policy': 'perhaps'},
                 {'new_type': 'x', 'more': 1}):  # fmt: skip
        assert act(volume, 'os-retype', body).status == 400, body
    assert act(volume, 'os-retype', {'new_type': 'hidden'}, STRANGER).status == 404
    assert act(volume, 'os-retype', {'new_type': 'hidden'}, READER).status == 403
    assert act(volume, 'os-retype', {'new_type': 'hidden'}, ADMIN).status == 202
    assert act(volume, 'os-retype', {'new_type': 'hidden'}, MEMBER).status == 404
