"""A path that names another's thing is answered, and does, what one does that names nothing."""

import pytest

from tests.wire.foreign import cases, names
from tests.wire.foreign.asking import PATCHES, SERVICES, TENANTS, endpoints, judged, path
from tests.wire.foreign.compare import ask
from tests.wire.foreign.fields import WRITES
from tests.wire.foreign.world import ADMIN

BYTES = {'CONTENT_TYPE': 'application/octet-stream'}
MEDIA = {
    'image PATCH /v2/images/{id}': PATCHES,
    'image PUT /v2/images/{id}/file': BYTES,
    'image PUT /v2/images/{id}/stage': BYTES,
}


def body_for(world, endpoint):
    """What the endpoint takes; where no table has a body, one without a word."""
    if endpoint.route.method not in WRITES:
        return None
    if endpoint.key in MEDIA:
        return b'x' if endpoint.route.method == 'PUT' else [{'op': 'replace', 'path': '/name', 'value': 'x'}]
    told = cases.IN_PATHS.get(endpoint.key) or cases.BODIES.get(endpoint.key)
    if told:
        return told(world.mine)
    return {endpoint.route.action: None} if endpoint.route.action else {}


@pytest.mark.parametrize('service', SERVICES)
def test_anothers_id_in_a_path_is_as_good_as_nobodys(world, service, used, walked):
    wrong = []
    for endpoint in endpoints(world, service):
        for name in endpoint.names if not endpoint.route.open else ():
            if kind := names.kind_in_path(endpoint.mount + endpoint.route.path, name):
                wrong += judge(world, endpoint, name, kind, used)
    walked.add(('paths', service))
    assert not wrong, '\n'.join(wrong)


def judge(world, endpoint, name, kind, used):
    """What is wrong with the answers to one name of one path."""
    more = endpoint.headers(endpoint.versions[0]) if endpoint.versions[0] else {}
    more |= MEDIA.get(endpoint.key, {})
    body = body_for(world, endpoint)

    def sent(persona, value):
        at = path(endpoint, world.mine, **{name: value})
        return ask(world, persona, endpoint.service, endpoint.route.method, at, body, **more)

    values = world.theirs[kind], world.unknown(kind)
    wrong = judged(world, f'{endpoint.key} {{{name}}}', kind, values, sent, used)
    own = {persona: sent(persona, world.mine[kind]) for persona in (*TENANTS, ADMIN)}
    if all(outcome.answer.status in (400, 415) for outcome in own.values()):
        wrong.append(f'the body is refused before the path is looked at: {own[ADMIN].answer.data!r}')
    return [f'{endpoint.key} {{{name}}} ({kind}): {each}' for each in wrong]
