"""What is shared is used by others and stays its owner's: nothing that others ask changes it or takes its quota."""

import pytest

from tests.wire.foreign import names
from tests.wire.foreign.asking import TENANTS, body_places, endpoints, left, path
from tests.wire.foreign.compare import ask, harm
from tests.wire.foreign.test_paths import MEDIA, body_for
from tests.wire.foreign.world import ADMIN

ACCEPT = 'image PUT /v2/images/{id}/members/{member}'  # one's own membership, of the other's image
SHARED = ('network', 'subnet', 'free subnet', 'interface subnet', 'image', 'volume_type', 'flavor')


@pytest.fixture(scope='module')
def sharing(world):
    """The other tenant's network is everybody's to use, and its image is offered."""
    at, body = f'/v2.0/networks/{world.theirs["network"]}', {'network': {'shared': True}}
    assert world(ADMIN, 'network', 'PUT', at, body).status == 200
    at, body = f'/v2/images/{world.theirs["image"]}/members', {'member': world.mine['project']}
    assert world('theirs member', 'image', 'POST', at, body).status == 200
    kept = world.memory
    world.memory = type(kept)(world.cloud.path / 'nimbus.db')
    yield world
    world.memory.close()
    world.memory = kept
    kept.back()


def asked(world):
    """Requests in which one id is a shared thing's: (name, service, method, path, body, headers)."""
    for service in ('compute', 'network', 'image', 'volume'):
        for place in body_places(world, service):
            if place.kind in SHARED:
                value = world.theirs[place.kind]
                at, body = path(place.endpoint, world.mine), place.body(world.mine, value)
                yield place.name, service, place.endpoint.route.method, at, body, place.headers()
        for endpoint in endpoints(world, service):
            whole, more = (
                endpoint.mount + endpoint.route.path,
                endpoint.headers(endpoint.versions[0]) if endpoint.versions[0] else {},
            )
            for name in endpoint.names:
                if (kind := names.kind_in_path(whole, name)) in SHARED:
                    at = path(endpoint, world.mine, **{name: world.theirs[kind]})
                    more |= MEDIA.get(endpoint.key, {})
                    yield endpoint.key, service, endpoint.route.method, at, body_for(world, endpoint), more


def test_what_is_shared_stays_its_owners(sharing):
    wrong, taken = [], 0
    for name, service, method, at, body, more in asked(sharing):
        for persona in TENANTS:
            outcome = ask(sharing, persona, service, method, at, body, **more)
            done = [] if outcome.refused else [each for each in harm(sharing, outcome) if 'changed' in each]
            if name == ACCEPT:
                done = [each for each in done if not each.startswith('image_members')]
            taken += not outcome.refused and method != 'GET'
            wrong += [f'{name} as {persona}: {each}' for each in left(persona, outcome) + done]
    assert not wrong, '\n'.join(wrong)
    assert taken > 3
