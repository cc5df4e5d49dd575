"""What is answered about one's own tells nothing of another's."""

import pytest

from tests.wire.foreign.asking import SERVICES, TENANTS, endpoints, path
from tests.wire.foreign.compare import hers
from tests.wire.foreign.world import MEMBER


@pytest.mark.parametrize('service', SERVICES)
def test_no_answer_shows_anothers_thing(world, service):
    wrong = []
    for endpoint in endpoints(world, service):
        if endpoint.route.method != 'GET' or endpoint.route.open:
            continue
        for version in endpoint.versions:
            more = endpoint.headers(version) if version else {}
            for persona in TENANTS:
                answer = world(persona, service, 'GET', path(endpoint, world.mine), **more)
                if hers(world, (answer.data.decode(errors='replace'),)):
                    wrong.append(f'{endpoint.key} as {persona}: {answer.data[:300]!r}')
    assert not wrong, '\n'.join(wrong)


# What asks a list for more than one's own, or for what is usually left out.
WIDER = ('all_tenants=1', 'all_projects=true', 'is_public=none', 'is_public=false', 'visibility=all', 'deleted=true',
         'visibility=community', 'member_status=all', 'os_hidden=true', 'changes-since=2000-01-01T00:00:00',
         'include_subtree=1', 'include_names=1', 'effective=1', 'usage=1', 'shared=true', 'reserved=1',
         'parents_as_list=1', 'subtree_as_list=1', 'include_limits=1', 'limit=1', 'page_reverse=true')  # fmt: skip


@pytest.mark.parametrize('service', SERVICES)
def test_no_list_goes_beyond_ones_own(world, service):
    wrong = []
    for endpoint in endpoints(world, service):
        if endpoint.route.method != 'GET' or endpoint.route.open:
            continue
        version = endpoint.versions[-1]
        more = endpoint.headers(version) if version else {}
        for query in WIDER:
            answer = world(MEMBER, service, 'GET', f'{path(endpoint, world.mine)}?{query}', **more)
            if hers(world, (answer.data.decode(errors='replace'),)):
                wrong.append(f'{endpoint.key} ?{query}: {answer.data[:300]!r}')
    world.memory.back()
    assert not wrong, '\n'.join(wrong)
