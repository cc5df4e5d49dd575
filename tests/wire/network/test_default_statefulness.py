"""Default statefulness of security groups over HTTP: of a project and of all, and what is refused."""

import pytest

from nimbus.common import ids
from tests.conftest import ADMIN, MANAGER, MEMBER, READER, STRANGER

PATH, ONE = '/security-groups-default-statefulness', 'security_groups_default_statefulness'


@pytest.fixture
def say(neutron):
    """Makes a setting."""

    def made(asker=MANAGER, **told):
        answer = neutron('POST', PATH, {ONE: told}, asker)
        return answer.json[ONE] if answer.status == 201 else (answer.status, answer.json['NeutronError']['type'])

    return made


def group(neutron, asker=MEMBER, **told):
    return neutron.make('security_group', asker=asker, name='g', **told)['stateful']


def test_new_groups_of_a_project_begin_as_its_setting_says(neutron, say):
    assert group(neutron) is True
    made = say(stateful=False)
    assert made == {'id': made['id'], 'project_id': MEMBER.project_id, 'stateful': False}
    assert (group(neutron), group(neutron, stateful=True), group(neutron, STRANGER)) == (False, True, True)
    assert neutron('GET', f'{PATH}/{made["id"]}', asker=READER).json == {ONE: made}
    assert neutron('GET', PATH, asker=READER).json == {ONE: [made]}
    answer = neutron('PUT', f'{PATH}/{made["id"]}', {ONE: {'stateful': True}}, MANAGER)
    assert (answer.status, answer.json[ONE]['stateful'], group(neutron)) == (200, True, True)
    neutron('PUT', f'{PATH}/{made["id"]}', {ONE: {'stateful': False}}, MANAGER)
    assert neutron('DELETE', f'{PATH}/{made["id"]}', asker=MANAGER).status == 204
    assert group(neutron) is True


def test_a_setting_of_all_holds_where_a_project_has_none(neutron, say):
    made = say(ADMIN, project_id=None, stateful=False)
    assert made['project_id'] is None
    say(stateful=True)
    assert (group(neutron), group(neutron, STRANGER)) == (True, False)
    assert neutron.refused('GET', f'{PATH}/{made["id"]}') == (404, 'SecurityGroupDefaultStatefulnessNotFound')


def test_what_is_refused(neutron, say):
    made = say(stateful=False)
    assert say(stateful=True) == (409, 'SecurityGroupDefaultStatefulnessAlreadyExists')
    assert say(ADMIN, project_id=None)['stateful'] is True
    assert say(ADMIN, project_id=None) == (409, 'SecurityGroupDefaultStatefulnessAlreadyExists')
    assert say(project_id=None) == (400, 'HTTPBadRequest')
    assert say(project_id=STRANGER.project_id) == (400, 'HTTPBadRequest')
    assert say(stateful='maybe') == (400, 'HTTPBadRequest')
    for asker in (MEMBER, READER):
        assert say(asker, stateful=True) == (403, 'PolicyNotAuthorized')
        assert neutron.refused('DELETE', f'{PATH}/{made["id"]}', asker=asker) == (403, 'PolicyNotAuthorized')
    missing = (404, 'SecurityGroupDefaultStatefulnessNotFound')
    assert neutron.refused('GET', f'{PATH}/{made["id"]}', asker=STRANGER) == missing
    assert neutron.refused('GET', f'{PATH}/{ids.dashed()}', asker=ADMIN) == missing
    body = {ONE: {'project_id': STRANGER.project_id}}
    assert neutron.refused('PUT', f'{PATH}/{made["id"]}', body, MANAGER) == (400, 'HTTPBadRequest')
