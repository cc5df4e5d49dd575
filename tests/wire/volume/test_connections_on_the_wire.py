"""The actions that connected volumes before attachments did, over HTTP."""

import pytest

from nimbus.common import ids
from nimbus.volume.models import Volume
from nimbus.volume.volumes import attachments
from tests.conftest import ADMIN, MEMBER, READER, SERVICE, STRANGER
from tests.wire.volume.conftest import SERVER

HERE = {'connector': {'host': 'h2', 'enforce_multipath': True}}


class Agent:
    """Answers for the host's agent, which these tests have none of, and remembers who left."""

    def __init__(self):
        self.left = []

    def connect(self, volume_id, fence, connector):
        return {'driver_volume_type': 'file', 'data': {'path': f'/volumes/{volume_id}', 'format': 'raw'}}

    def disconnect(self, volume_id, fence, connector):
        self.left.append((volume_id, connector))


@pytest.fixture(autouse=True)
def agent(wired):
    """The agent of every host."""
    made = Agent()
    wired.client = lambda contract, context, host: made
    return made


def hold(wired, volume, asker, by_service):
    """The volume is attached; its attachment's id."""
    with wired.db.write() as tx:
        made = attachments.reserve(tx, asker, volume, SERVER, by_service=by_service)
        attachments.connected(tx, SERVICE, made, 'h1', Agent().connect(volume, 0, {}), {'host': 'h1'})
        attachments.complete(tx, SERVICE, made, '/dev/vdb')
    return made


def test_a_connection_is_told_and_ended(act, make, agent, show):
    volume = make()
    answer = act(volume, 'os-initialize_connection', HERE)
    assert answer.status == 200
    assert answer.json['connection_info'] == {
        'driver_volume_type': 'file',
        'data': {
            'path': f'/volumes/{volume}',
            'format': 'raw',
            'qos_specs': None,
            'access_mode': 'rw',
            'encrypted': False,
            'cacheable': False,
        },
        'enforce_multipath': True,
    }
    assert act(volume, 'os-terminate_connection', HERE).status == 202
    assert agent.left == [(volume, HERE['connector'])]
    assert show(volume)['status'] == 'available'


def test_a_volume_that_is_read_only_is_opened_so(act, make):
    volume = make()
    act(volume, 'os-update_readonly_flag', {'readonly': True})
    assert act(volume, 'os-initialize_connection', HERE).json['connection_info']['data']['access_mode'] == 'ro'


@pytest.mark.parametrize('action', ['os-initialize_connection', 'os-terminate_connection'])
def test_connections_are_a_members_own(act, make, wired, action):
    volume = make()
    assert act(volume, action, HERE, STRANGER).status == 404
    assert act(volume, action, HERE, READER).status == 403
    for body in ({}, {'connector': 'x'}, {'connector': {}, 'more': 1}):
        assert act(volume, action, body).status == 400
    assert act(ids.dashed(), action, HERE).status == 404
    with wired.db.write() as tx:
        tx.update(Volume, Volume.id == volume, copied_for=ids.dashed())
    assert act(volume, action, HERE).status == 409
    with wired.db.write() as tx:
        tx.update(Volume, Volume.id == volume, copied_for=None, status='maintenance')
    assert act(volume, action, HERE).status == 400


@pytest.mark.parametrize('asker', [MEMBER, ADMIN], ids=['member', 'admin'])
def test_what_a_guest_has_open_is_let_go_by_compute_alone(act, make, wired, agent, show, asker):
    volume = make()
    made = hold(wired, volume, SERVICE, True)
    for action, body in (
        ('os-initialize_connection', HERE),
        ('os-terminate_connection', HERE),
        ('os-force_detach', {'attachment_id': made}),
        ('os-force_detach', {}),
    ):
        assert act(volume, action, body, asker).status == (409 if asker is ADMIN or body is HERE else 403), action
    assert (agent.left, show(volume)['status']) == ([], 'in-use')


def test_an_operator_detaches_by_force_what_others_attached(act, make, wired, agent, show):
    volume = make()
    made = hold(wired, volume, MEMBER, False)
    assert act(volume, 'os-force_detach', {'attachment_id': made}, MEMBER).status == 403
    refused = act(volume, 'os-force_detach', {'attachment_id': ids.dashed()}, ADMIN)
    assert refused.status == 400 and 'Error force detaching volume' in refused.json['badRequest']['message']
    assert act(volume, 'os-force_detach', {'attachment_id': made, 'connector': None}, ADMIN).status == 202
    assert agent.left == [(volume, {'host': 'h1'})]
    found = show(volume)
    assert (found['status'], found['attachments']) == ('available', [])
    assert act(volume, 'os-force_detach', {}, ADMIN).status == 400
