"""What is taken though it names another's thing changes nothing that its owner sees or can do."""

import re

import pytest

from tests.wire.foreign import cases, excused
from tests.wire.foreign.asking import body_places, endpoints, path
from tests.wire.foreign.fields import WRITES
from tests.wire.foreign.world import MEMBER

SERVICES = ('compute', 'network', 'volume', 'image')
OWNER = 'theirs member'
CLOCK = re.compile(rb'"(start|stop|uptime)": ?[^,}]+')  # of a usage, which goes on while one looks


def acts(world):
    """The owner's own requests: (name, service, method, path, body, headers)."""
    for service in SERVICES:
        for endpoint in endpoints(world, service):
            method, key = endpoint.route.method, endpoint.key
            if endpoint.route.open or method in WRITES and key not in cases.BODIES and key not in cases.IN_PATHS:
                continue
            told = cases.IN_PATHS.get(key) or cases.BODIES.get(key)
            body = told(world.theirs) if told and method in WRITES else None
            more = endpoint.headers(endpoint.versions[0]) if endpoint.versions[0] else {}
            yield key, service, method, path(endpoint, world.theirs), body, more


def seen(world, mark=None, known=None):
    """What comes of each of the owner's requests, each made as all was; without those that are no owner's to make."""
    found = {}
    for key, service, method, at, body, more in acts(world):
        if known and known[key][0] == 403:
            continue
        answer = world(OWNER, service, method, at, body, **more)
        found[key] = (answer.status, CLOCK.sub(b'', answer.data) if method == 'GET' else b'')
        if method != 'GET' and world.memory.touched():
            world.memory.back(mark)
    return found


@pytest.fixture(scope='module')
def before(world):
    """What comes of the owner's requests when nobody named his things."""
    return seen(world)


def places(world):
    """Every place where an excuse lets another's id in."""
    for service in SERVICES:
        for place in body_places(world, service):
            kept = place.field in excused.EITHER or excused.find(excused.KEPT, place.key, place.kind, set())
            if kept and not place.bulk and not place.field.startswith('OS-SCH-HNT'):  # the same under an older name
                yield place


def rounds(world):
    """The places in as few rounds as can be: all of a round are taken together, and the world stands so meanwhile."""
    waiting = list(places(world))
    while waiting:
        taken, refused = [], []
        for place in waiting:
            at, body = path(place.endpoint, world.mine), place.body(world.mine, world.theirs[place.kind])
            answer = world(MEMBER, place.endpoint.service, place.endpoint.route.method, at, body, **place.headers())
            (taken if answer.status < 300 else refused).append(place)
        if taken:
            yield [place.name for place in taken]
        world.memory.back()
        waiting = refused if taken else []  # in a world without the others, where it may be taken


def test_the_owner_of_what_is_named_notices_nothing(world, before):
    wrong, tried = [], 0
    for named in rounds(world):
        tried += len(named)
        mark = world.memory.mark()
        after = seen(world, mark, before)
        mark.close()
        changed = [key for key in after if before[key] != after[key]]
        wrong += [f'{named}: {key} was {before[key]}, is {after[key]}' for key in changed]
    assert not wrong, '\n'.join(wrong)
    assert tried > 3
