"""Qualities of service over HTTP, and what an attachment is told of them."""

import pytest

from nimbus.common import context, ids
from nimbus.volume.volumes import attachments
from tests.conftest import ADMIN, MEMBER

GONE = ids.dashed()
BOTH = {'consumer': 'both'}
FAST = {'total_iops_sec': '500', 'consumer': 'front-end'}


@pytest.fixture
def specs(latest):
    """Makes specs; returns their id."""

    def specs(name='fast', **given):
        made = latest('POST', '/qos-specs', {'qos_specs': {'name': name, **given}}, asker=ADMIN)
        assert made.status == 200, made.data
        return made.json['qos_specs']['id']

    return specs


@pytest.fixture
def kind(latest):
    """Makes a volume type; returns its id."""

    def kind(name='quick'):
        made = latest('POST', '/types', {'volume_type': {'name': name}}, asker=ADMIN)
        return made.json['volume_type']['id']

    return kind


def told(wired, volume):
    """What the connection of a volume says of its limits."""
    connection = {'driver_volume_type': 'file', 'data': {'path': '/x', 'format': 'raw'}}
    with wired.db.write() as tx:
        made = attachments.reserve(tx, MEMBER, volume, None)
        attachments.connected(tx, context.internal(), made, 'h1', connection)
        return attachments.show(tx, MEMBER, made).connection['data'].get('qos_specs')


def test_specs_are_made_shown_changed_and_deleted(latest, specs):
    made = latest('POST', '/qos-specs', {'qos_specs': {'name': ' fast ', **FAST}}, asker=ADMIN).json
    qos = made['qos_specs']
    assert {name: qos[name] for name in ('name', 'consumer', 'specs')} == {
        'name': 'fast',
        'consumer': 'front-end',
        'specs': {'total_iops_sec': '500'},
    }
    assert made['links'][0]['href'].endswith(f'/{ADMIN.project_id}/qos-specs/{qos["id"]}')
    path = f'/qos-specs/{qos["id"]}'
    assert latest('GET', path, asker=ADMIN).json == made
    assert latest('GET', '/qos-specs', asker=ADMIN).json == {'qos_specs': [qos]}
    given = {'qos_specs': {'read_bytes_sec': '1', 'consumer': 'both'}}
    assert latest('PUT', path, given, asker=ADMIN).json == given
    assert latest('PUT', f'{path}/delete_keys', {'keys': ['total_iops_sec']}, asker=ADMIN).status == 202
    found = latest('GET', path, asker=ADMIN).json['qos_specs']
    assert (found['specs'], found['consumer']) == ({'read_bytes_sec': '1'}, 'both')
    assert latest('DELETE', path, asker=ADMIN).status == 202
    assert latest('GET', path, asker=ADMIN).status == 404


def test_specs_without_a_consumer_are_the_stores(latest, specs):
    assert latest('GET', f'/qos-specs/{specs()}', asker=ADMIN).json['qos_specs']['consumer'] == 'back-end'


def test_a_type_has_specs_and_gives_them_up(latest, specs, kind):
    mine, other, quick = specs(), specs('slow'), kind()
    path = f'/qos-specs/{mine}'
    for _ in range(2):
        assert latest('GET', f'{path}/associate?vol_type_id={quick}', asker=ADMIN).status == 202
    assert latest('GET', f'{path}/associations', asker=ADMIN).json == {
        'qos_associations': [{'association_type': 'volume_type', 'name': 'quick', 'id': quick}]
    }
    assert latest('GET', f'/types/{quick}', asker=ADMIN).json['volume_type']['qos_specs_id'] == mine
    assert 'qos_specs_id' not in latest('GET', f'/types/{quick}', asker=MEMBER).json['volume_type']
    assert latest('GET', f'/qos-specs/{other}/associate?vol_type_id={quick}', asker=ADMIN).status == 400
    kept = latest('DELETE', path, asker=ADMIN)
    assert (kept.status, kept.json['badRequest']['message']) == (400, 'Qos specs still in use.')
    assert latest('GET', f'{path}/disassociate?vol_type_id={quick}', asker=ADMIN).status == 202
    assert latest('GET', f'/types/{quick}', asker=ADMIN).json['volume_type']['qos_specs_id'] is None
    latest('GET', f'{path}/associate?vol_type_id={quick}', asker=ADMIN)
    assert latest('GET', f'{path}/disassociate_all', asker=ADMIN).status == 202
    latest('GET', f'{path}/associate?vol_type_id={quick}', asker=ADMIN)
    assert latest('DELETE', f'{path}?force=true', asker=ADMIN).status == 202
    assert latest('GET', f'/types/{quick}', asker=ADMIN).json['volume_type']['qos_specs_id'] is None


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ({**FAST}, {'total_iops_sec': '500'}),
        ({**FAST, 'consumer': 'both'}, {'total_iops_sec': '500'}),
        ({**FAST, 'consumer': 'back-end'}, None),
        ({'consumer': 'both', 'total_iops_sec_per_gb': '10'}, {'total_iops_sec': '30'}),
        ({**BOTH, 'read_bytes_sec_per_gb': '10', 'read_bytes_sec_per_gb_min': '99'}, {'read_bytes_sec': '99'}),
        ({'consumer': 'both', 'total_iops_sec_per_gb': '10', 'total_iops_sec_max': '20'}, {'total_iops_sec': '20'}),
    ],
)  # fmt: skip
def test_who_opens_a_volume_is_told_what_to_obey(latest, wired, make, specs, kind, given, expected):
    quick = kind()
    latest('GET', f'/qos-specs/{specs(**given)}/associate?vol_type_id={quick}', asker=ADMIN)
    assert told(wired, make(size=3, volume_type='quick')) == expected
    assert told(wired, make(size=3)) is None


def test_bad_requests_are_refused(latest, specs):
    mine = specs()
    for body in ({}, {'name': ''}, {'name': '  '}, {'name': 'x', 'consumer': 'nobody'}, {'name': 'x', 'a': 1},
                 {'name': 'x', 'total_iops_sec': 'many'}, {'name': 'x' * 256}):  # fmt: skip
        assert latest('POST', '/qos-specs', {'qos_specs': body}, asker=ADMIN).status == 400, body
    assert latest('POST', '/qos-specs', {'qos_specs': {'name': 'fast'}}, asker=ADMIN).status == 409
    assert latest('PUT', f'/qos-specs/{mine}', {'qos_specs': {'consumer': 'x'}}, asker=ADMIN).status == 400
    assert latest('PUT', f'/qos-specs/{mine}/delete_keys', {'keys': ['none']}, asker=ADMIN).status == 404
    assert latest('GET', f'/qos-specs/{mine}/associate', asker=ADMIN).status == 400
    for path in (f'{mine}/associate?vol_type_id={GONE}', f'{mine}/disassociate?vol_type_id={GONE}', GONE):
        assert latest('GET', f'/qos-specs/{path}', asker=ADMIN).status == 404
    for method, path in (('GET', ''), ('GET', f'/{mine}'), ('DELETE', f'/{mine}'), ('GET', f'/{mine}/associations')):
        assert latest(method, f'/qos-specs{path}', asker=MEMBER).status == 403
