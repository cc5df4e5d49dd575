"""Attachments, types, services and limits over HTTP."""

import datetime

import pytest

from nimbus.common import clock
from nimbus.conductor.audit import Audit
from nimbus.volume.models import Volume
from nimbus.volume.volumes import attachments
from tests.conftest import ADMIN, MEMBER, READER, SERVICE, STRANGER
from tests.wire.volume.conftest import SERVER


class Agent:
    """Answers for the host's agent, which these tests have none of."""

    def connect(self, volume_id, fence, connector):
        return {'driver_volume_type': 'file', 'data': {'path': f'/volumes/{volume_id}', 'format': 'raw'}}


@pytest.fixture(autouse=True)
def reachable(wired):
    """The agent of every host answers."""
    wired.client = lambda contract, context, host: Agent()


@pytest.fixture
def reserve(latest):
    def reserve(volume_id, asker=MEMBER, **more):
        body = {'attachment': {'volume_uuid': volume_id, 'instance_uuid': SERVER, **more}}
        return latest('POST', '/attachments', body, asker=asker)

    return reserve


@pytest.fixture
def opened(wired, make):
    """A volume that a server has open, attached by the compute service; (volume id, attachment id)."""
    volume_id = make()
    with wired.db.write() as tx:
        made = attachments.reserve(tx, SERVICE, volume_id, SERVER)
        attachments.connected(tx, SERVICE, made, 'h1', Agent().connect(volume_id, 0, {}))
        attachments.complete(tx, SERVICE, made, '/dev/vdb')
    return volume_id, made


def test_a_volume_comes_to_a_server_step_by_step(latest, reserve, make, show):
    volume_id = make()
    made = reserve(volume_id)
    assert made.status == 200, made.data
    attachment = made.json['attachment']
    assert (attachment['status'], attachment['connection_info'], attachment['attached_at']) == ('reserved', {}, '')
    assert show(volume_id)['status'] == 'reserved'
    path = f'/attachments/{attachment["id"]}'
    told = latest('PUT', path, {'attachment': {'connector': {'host': 'h1', 'mountpoint': '/dev/vdb'}}})
    assert told.json['attachment']['connection_info']['driver_volume_type'] == 'file'
    assert show(volume_id)['status'] == 'attaching'
    assert latest('POST', f'{path}/action', {'os-complete': attachment['id']}).status == 204
    shown = show(volume_id)
    assert (shown['status'], shown['attachments'][0]['device']) == ('in-use', '/dev/vdb')
    assert latest('DELETE', path).json == {'attachments': []}
    assert show(volume_id)['status'] == 'available'


def test_a_volume_that_somebody_has_is_refused(reserve, make):
    volume_id = make()
    assert reserve(volume_id).status == 200
    again = reserve(volume_id)
    assert (again.status, 'status must be available' in again.json['badRequest']['message']) == (400, True)


def test_a_server_s_disk_is_given_up_by_the_compute_service_alone(latest, act, opened, show):
    volume_id, made = opened
    sentence = f'Detach volume from instance {SERVER} using the Compute API'
    for asker in (MEMBER, ADMIN):
        for answer in (
            act(volume_id, 'os-detach', {}, asker=asker),
            act(volume_id, 'os-detach', {'attachment_id': made}, asker=asker),
            latest('DELETE', f'/attachments/{made}', asker=asker),
        ):
            assert (answer.status, answer.json['conflictingRequest']['message']) == (409, sentence)
    for body in ({'status': 'available'}, {'attach_status': 'detached'}):
        assert act(volume_id, 'os-reset_status', body, asker=ADMIN).status == 409
    assert show(volume_id)['status'] == 'in-use'
    assert latest('DELETE', f'/volumes/{volume_id}').status == 400
    assert act(volume_id, 'os-force_delete', {}, asker=ADMIN).status == 400
    assert latest('DELETE', f'/attachments/{made}', asker=SERVICE).status == 200
    assert show(volume_id)['status'] == 'available'


def test_a_server_s_disk_is_connected_by_the_compute_service_alone(wired, latest, opened, show):
    volume_id, made = opened
    before = latest('GET', f'/attachments/{made}').json
    sentence = f'Detach volume from instance {SERVER} using the Compute API'
    connector = {'attachment': {'connector': {'host': 'elsewhere'}}}
    for asker in (MEMBER, ADMIN):
        for answer in (
            latest('PUT', f'/attachments/{made}', connector, asker=asker),
            latest('POST', f'/attachments/{made}/action', {'os-complete': {}}, asker=asker),
        ):
            assert (answer.status, answer.json['conflictingRequest']['message']) == (409, sentence)
    assert latest('GET', f'/attachments/{made}').json == before
    assert latest('PUT', f'/attachments/{made}', connector, asker=SERVICE).status == 200
    with wired.db.read() as tx:  # the shape that the compute agent reads, whoever wrote it
        assert attachments.show(tx, MEMBER, made).connection == Agent().connect(volume_id, 0, {})


def test_an_attachment_that_names_another_s_server_is_none_of_the_server_s(wired, reserve, make):
    made = reserve(make()).json['attachment']['id']
    with wired.db.read() as tx:
        assert [row.id for row in attachments.of_server(tx, SERVER)] == []
        assert attachments.show(tx, MEMBER, made).server_id == SERVER


def test_who_was_about_to_do_something_and_did_not_keeps_nothing_waiting(wired, act, opened, make, show):
    taken, given = make(), opened[0]
    assert act(taken, 'os-reserve').status == 202
    assert act(given, 'os-begin_detaching').status == 202
    assert (show(taken)['status'], show(given)['status']) == ('attaching', 'detaching')
    now = clock.Clock().now()
    with wired.db.write() as tx:
        assert attachments.settle_abandoned(tx, now) == []
        tx.update(Volume, updated_at=now - attachments.ABANDONED - datetime.timedelta(seconds=5))
    told = Audit(wired.db).audit()  # as the conductor does from time to time
    assert len([one for one in told if 'it was not finished within' in one]) == 2
    assert (show(taken)['status'], show(given)['status']) == ('available', 'in-use')


def test_what_the_compute_service_keeps_is_not_taken_by_os_attach(wired, make, act):
    volume_id = make()
    with wired.db.write() as tx:
        attachments.reserve(tx, SERVICE, volume_id, SERVER)
    for server in (SERVER, volume_id):
        answer = act(volume_id, 'os-attach', {'instance_uuid': server, 'mountpoint': '/dev/vdb'})
        assert answer.status == 400, server


def test_another_projects_attachment_is_not_there(latest, reserve, make):
    made = reserve(make()).json['attachment']['id']
    assert latest('GET', f'/attachments/{made}', asker=STRANGER).status == 404
    assert latest('DELETE', f'/attachments/{made}', asker=STRANGER).status == 404
    body = {'attachment': {'connector': {'host': 'h1'}}}
    assert latest('PUT', f'/attachments/{made}', body, asker=STRANGER).status == 404
    assert reserve(make(), asker=STRANGER).status == 404
    assert latest('GET', '/attachments?all_tenants=1', asker=STRANGER).json == {'attachments': []}
    assert latest('DELETE', f'/attachments/{made}', asker=READER).status == 403


@pytest.mark.parametrize(
    ('body', 'field'),
    [
        ({}, 'volume_uuid'),
        ({'volume_uuid': 'x'}, 'volume_uuid'),
        ({'volume_uuid': SERVER, 'instance_uuid': 'x'}, 'instance_uuid'),
        ({'volume_uuid': SERVER, 'mode': 'wx'}, 'mode'),
        ({'volume_uuid': SERVER, 'nonsense': 1}, 'nonsense'),
    ],
)
def test_a_wrong_field_of_an_attachment_is_named(latest, body, field):
    answer = latest('POST', '/attachments', {'attachment': body})
    assert (answer.status, field in answer.json['badRequest']['message']) == (400, True), answer.data


def test_a_mode_may_be_given_since_3_54(api, make):
    body = {'attachment': {'volume_uuid': make(), 'instance_uuid': SERVER, 'mode': 'ro'}}
    assert api('POST', '/attachments', body, version='volume 3.53').status == 400
    made = api('POST', '/attachments', body, version='volume 3.54')
    assert made.json['attachment']['attach_mode'] == 'ro'


def test_attachments_are_filtered(latest, reserve, make):
    volume_id = make()
    made = reserve(volume_id).json['attachment']['id']
    reserve(make())
    ids = lambda query: [row['id'] for row in latest('GET', f'/attachments?{query}').json['attachments']]  # noqa: E731
    assert ids(f'volume_id={volume_id}') == [made]
    assert len(ids(f'instance_id={SERVER}')) == 2
    assert ids('status=attached') == []
    assert latest('GET', '/attachments?sort_key=nonsense').status == 400
    assert latest('GET', '/attachments?marker=nonsense').status == 404
    assert latest('GET', '/attachments?offset=99').json['attachments'] == []


def test_types_belong_to_operators(latest):
    body = {'volume_type': {'name': 'fast', 'os-volume-type-access:is_public': False, 'extra_specs': {'a': 'b'}}}
    assert latest('POST', '/types', body).status == 403
    made = latest('POST', '/types', body, asker=ADMIN).json['volume_type']
    assert set(made) == {'id', 'name', 'description', 'is_public', 'os-volume-type-access:is_public', 'extra_specs'}
    path = f'/types/{made["id"]}'
    assert latest('GET', path).status == 404
    assert latest('GET', path, asker=ADMIN).json['volume_type']['qos_specs_id'] is None
    assert latest('POST', '/types', body, asker=ADMIN).status == 409
    changed = latest('PUT', path, {'volume_type': {'is_public': True}}, asker=ADMIN).json['volume_type']
    assert set(changed) == {'id', 'name', 'description', 'is_public', 'extra_specs'}
    seen = latest('GET', path).json['volume_type']
    assert (seen['extra_specs'], 'qos_specs_id' in seen) == ({}, False)


def test_specs_are_set_one_by_one(latest, api):
    made = latest('POST', '/types', {'volume_type': {'name': 'x'}}, asker=ADMIN).json['volume_type']['id']
    path = f'/types/{made}/extra_specs'
    assert latest('POST', path, {'extra_specs': {'a': '1'}}, asker=ADMIN).json == {'extra_specs': {'a': '1'}}
    assert latest('PUT', f'{path}/a', {'a': '2'}, asker=ADMIN).json == {'a': '2'}
    assert latest('PUT', f'{path}/a', {'b': '2'}, asker=ADMIN).status == 400
    assert latest('GET', f'{path}/a', asker=ADMIN).json == {'a': '2'}
    query = "/types?extra_specs={'a':'2'}"
    assert [row['name'] for row in latest('GET', query, asker=ADMIN).json['volume_types']] == ['x']
    assert len(api('GET', query, asker=ADMIN, version='volume 3.51').json['volume_types']) == 2
    assert latest('DELETE', f'{path}/a', asker=ADMIN).status == 202
    assert latest('GET', f'{path}/a', asker=ADMIN).status == 404


def test_a_type_in_use_stays(latest, make):
    made = latest('POST', '/types', {'volume_type': {'name': 'x'}}, asker=ADMIN).json['volume_type']['id']
    make(volume_type='x')
    assert latest('DELETE', f'/types/{made}', asker=ADMIN).status == 400
    default = latest('GET', '/types/default').json['volume_type']['id']
    assert latest('DELETE', f'/types/{default}', asker=ADMIN).status == 400


def test_a_host_is_switched_off_with_a_reason(latest):
    body = {'host': 'h1@fake', 'binary': 'cinder-volume'}
    assert latest('GET', '/os-services').status == 403
    assert latest('PUT', '/os-services/disable-log-reason', body, asker=ADMIN).status == 400
    off = latest('PUT', '/os-services/disable-log-reason', {**body, 'disabled_reason': 'why'}, asker=ADMIN).json
    assert (off['disabled'], off['disabled_reason']) == (True, 'why')
    (row,) = latest('GET', '/os-services?binary=cinder-volume', asker=ADMIN).json['services']
    assert (row['status'], row['disabled_reason'], row['cluster']) == ('disabled', 'why', None)
    assert latest('PUT', '/os-services/disable', body, asker=ADMIN).json['status'] == 'disabled'
    on = latest('PUT', '/os-services/enable', body, asker=ADMIN).json
    assert (on['status'], on['disabled_reason']) == ('enabled', None)
    assert (
        latest('PUT', '/os-services/enable', {'host': 'nowhere', 'binary': 'cinder-volume'}, asker=ADMIN).status == 404
    )
