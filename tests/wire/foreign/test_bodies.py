"""A body that names another's thing is answered, and does, what one does that names nothing."""

import pytest

from tests.wire.foreign import cases, fields, names
from tests.wire.foreign.asking import SERVICES, body_places, endpoints, judge, told_fields


def told_in_path(endpoint):
    """Whether the path says all, as that of a grant or a tag does."""
    return endpoint.route.path.count('{') > 1 or endpoint.route.path.endswith('}')


@pytest.mark.parametrize('service', SERVICES)
def test_every_field_is_known_for_what_it_names(world, service):
    unknown = []
    for endpoint in endpoints(world, service):
        if endpoint.route.method not in fields.WRITES:
            continue
        told = told_fields(endpoint)
        silent = not told and not told_in_path(endpoint) and endpoint.route.action is None
        if silent and endpoint.key not in cases.READ_BY_HANDLERS and endpoint.key not in cases.RAW:
            unknown.append(f'{endpoint.key} has no shape and is not in READ_BY_HANDLERS')
        for field in told:
            absent = fields.last(field) in names.ABSENT
            if not (absent or names.plain(endpoint, field) or names.kind_of(endpoint, field)):
                unknown.append(f'{endpoint.key} {field} is in no table of names.py')
    assert not unknown, '\n'.join(unknown)


@pytest.mark.parametrize('service', SERVICES)
def test_anothers_id_in_a_body_is_as_good_as_nobodys(world, service, used, walked):
    places = list(body_places(world, service))
    wrong = [each for place in places for each in judge(world, place, used)]
    walked.add(('bodies', service))
    assert not wrong, '\n'.join(wrong)
