"""Headers that name another's thing: those that tell who asks are not read, and the rest find nothing of another's."""

import hashlib
import hmac

import pytest

from tests.cloud import PASSWORD
from tests.wire.foreign import compare
from tests.wire.foreign.asking import TENANTS
from tests.wire.foreign.world import MEMBER

LISTS = {
    'identity': '/v3/projects',
    'compute': '/v2.1/servers/detail',
    'image': '/v2/images',
    'network': '/v2.0/networks',
    'volume': '/v3/volumes/detail',
    'placement': '/usages?project_id={project}',
}
# What middleware tells applications of who asks, and what older clients told.
OF_WHO_ASKS = {
    'X_PROJECT_ID': 'project',
    'X_TENANT_ID': 'project',
    'X_TENANT': 'project',
    'X_AUTH_PROJECT_ID': 'project',
    'X_PROJECT_DOMAIN_ID': 'domain',
    'X_DOMAIN_ID': 'domain',
    'X_USER_ID': 'user',
    'X_USER': 'user',
    'X_OWNER': 'project',
    'X_IMAGE_META_OWNER': 'project',
    'REQUESTED_PROJECT_ID': 'project',
    'X_INSTANCE_ID': 'server',
    'X_INSTANCE_OWNER_ID': 'project',
}
METADATA = '/openstack/latest/meta_data.json'


def same(world, first, second):
    """Whether two outcomes, each with the id that was asked for, are alike."""
    return compare.plain(world, *first) == compare.plain(world, *second)


@pytest.mark.parametrize('service', LISTS)
def test_a_header_does_not_say_who_asks(world, service):
    at = LISTS[service].format(**world.mine)
    bare = compare.ask(world, MEMBER, service, 'GET', at, None)
    for name, kind in OF_WHO_ASKS.items():
        value = world.theirs[kind]
        told = compare.ask(world, MEMBER, service, 'GET', at, None, **{name: value})
        assert same(world, (told, value), (bare, value)), name


@pytest.mark.parametrize('method', ['GET', 'DELETE'])
@pytest.mark.parametrize('persona', TENANTS)
def test_anothers_token_is_as_good_as_none(world, persona, method):
    found = [
        (compare.ask(world, persona, 'identity', method, '/v3/auth/tokens', None, X_SUBJECT_TOKEN=value), value)
        for value in (world.theirs['token'], 'gAAAAABunknown')
    ]
    assert {outcome.answer.status for outcome, _ in found} <= {403, 404}
    assert not any(outcome.changed for outcome, _ in found)


@pytest.mark.parametrize('persona', TENANTS)
@pytest.mark.parametrize('service, at', [('compute', '/v2.1/{}/servers'), ('volume', '/v3/{}/volumes')])
def test_a_path_does_not_say_whose_project_is_meant(world, persona, service, at):
    values = world.theirs['project'], world.unknown('project')
    first, second = ((compare.ask(world, persona, service, 'GET', at.format(value), None), value) for value in values)
    assert first[0].answer.status in (400, 403, 404) and same(world, first, second)


def guest(world, server, project, signed=None):
    """The metadata's answer to a proxy that speaks for a server."""
    told = {'X_INSTANCE_ID': server, 'X_TENANT_ID': project}
    if signed:
        told['X_INSTANCE_ID_SIGNATURE'] = hmac.new(PASSWORD.encode(), signed.encode(), hashlib.sha256).hexdigest()
    return compare.ask(world, None, 'metadata', 'GET', METADATA, None, **told)


def test_a_guest_learns_of_no_other_guest(world):
    mine, theirs = world.mine, world.theirs
    assert guest(world, mine['server'], mine['project'], mine['server']).answer.status == 200
    nobodys = world.unknown('server')
    for signed in (None, mine['server']):
        first, second = ((guest(world, value, mine['project'], signed), value) for value in (theirs['server'], nobodys))
        assert first[0].answer.status == 403 and same(world, first, second)
    first, second = ((guest(world, value, mine['project'], value), value) for value in (theirs['server'], nobodys))
    assert first[0].answer.status == 404 and same(world, first, second)
    values = theirs['project'], world.unknown('project')
    first, second = ((guest(world, mine['server'], value, mine['server']), value) for value in values)
    assert first[0].answer.status == 404 and same(world, first, second)
