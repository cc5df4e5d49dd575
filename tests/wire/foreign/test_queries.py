"""A query that names another's thing finds what one does that names nothing."""

import urllib.parse

import pytest

from tests.wire.foreign import names, queries
from tests.wire.foreign.asking import SERVICES, TENANTS, judged, path
from tests.wire.foreign.compare import ask
from tests.wire.foreign.queries import kind_of, known, listing, rows_of
from tests.wire.foreign.world import MEMBER

EVERYWHERE = sorted({*names.KINDS, *queries.KINDS})  # what any list may be filtered by


def test_every_name_in_a_query_is_known_for_what_it_names(world, looked):
    unknown = []
    for service in SERVICES:
        for endpoint in listing(world, service):
            for name in looked[endpoint.key]:
                if name == '*' and endpoint.key not in queries.WALKED:
                    unknown.append(f'{endpoint.key} walks through its query and is not in WALKED')
                elif not known(endpoint, name):
                    unknown.append(f'{endpoint.key} {name} is in no table of queries.py')
    assert not unknown, '\n'.join(unknown)


@pytest.mark.parametrize('service', SERVICES)
def test_anothers_id_in_a_query_is_as_good_as_nobodys(world, service, looked, used, walked):
    wrong = []
    for endpoint in listing(world, service):
        told = looked[endpoint.key] | set(queries.WALKED.get(endpoint.key, ()))
        for name in sorted(told - {'*'}):
            if kind := kind_of(endpoint, name):
                for version in endpoint.versions:
                    wrong += judge(world, endpoint, name, kind, version, used)
    walked.add(('queries', service))
    assert not wrong, '\n'.join(wrong)


@pytest.mark.parametrize('service', SERVICES)
def test_no_list_is_filtered_by_what_it_does_not_show(world, service, looked, used):
    wrong = []
    for endpoint in listing(world, service):
        if not rows_of(endpoint):
            continue
        for name in EVERYWHERE:
            if name not in looked[endpoint.key] and (kind := kind_of(endpoint, name)):
                wrong += judge(world, endpoint, name, kind, endpoint.versions[-1], used, (MEMBER,))
    assert not wrong, '\n'.join(wrong)


def judge(world, endpoint, name, kind, version, used, personas=TENANTS):
    """Where another's id in a query does not find what nobody's does."""
    more = endpoint.headers(version) if version else {}
    at = path(endpoint, world.mine)

    def sent(persona, value):
        asked = f'{at}?{name}={"subnet_id%3D" if name == "fixed_ips" else ""}{urllib.parse.quote(value)}'
        return ask(world, persona, endpoint.service, 'GET', asked, None, **more)

    found, values, first = [], (world.theirs[kind], world.unknown(kind)), True
    for persona in personas:
        shown = ask(world, persona, endpoint.service, 'GET', at, None, **more).answer
        if values[0] in shown.data.decode(errors='replace'):
            continue  # what is shown anyway
        key = f'{endpoint.key} ?{name}'
        found += judged(world, key, kind, values, sent, used, (persona,), admin=first and len(personas) > 1)
        first = False
    return [f'{endpoint.key} ?{name} ({kind}): {each}' for each in found]
