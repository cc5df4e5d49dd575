"""Policies, endpoint filters and limits without HTTP."""

import pytest
import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database.listing import Page
from nimbus.identity.catalog import catalog, endpoint_filters, limits, stored_policies
from nimbus.identity.models import Endpoint, Region, Service
from nimbus.identity.people import projects


def first(world, model):
    with world.db.read() as tx:
        return tx.row(sa.select(model).order_by(model.seq))


def project(world):
    with world.db.write() as tx:
        return projects.create(tx, {'name': 'lab', 'domain_id': 'default'}, {})


def test_a_project_that_was_told_nothing_sees_everything(world):
    every = world.authority.endpoints()
    assert len(every) > 1
    assert world.authority.endpoints('some project') == every


def test_a_project_that_was_told_only_what_is_gone_sees_everything(world):
    shown = world.authority.endpoints()
    filters = endpoint_filters.Filters({'p': {'gone'}}, {'p': [{'service_id': 'gone'}]})
    assert filters.narrow(shown, 'p') == shown
    told = endpoint_filters.Filters({'p': {shown[0].id}}, {'q': [{'interface': 'public', 'service_id': 'gone'}]})
    assert told.narrow(shown, 'p') == [shown[0]]
    assert told.narrow(shown, 'q') == told.narrow(shown, None) == shown


def test_what_projects_were_told_is_read_once_for_each_change(world):
    told, one = project(world), first(world, Endpoint).id
    with world.db.write() as tx:
        endpoint_filters.add_endpoint(tx, told, one)
    world.validator.poll()
    statements = []
    sa.event.listen(world.db.reader, 'before_cursor_execute', lambda *told: statements.append(told[2]))
    assert [shown.id for shown in world.authority.endpoints(told)] == [one]
    count = len(statements)
    for name in ('a', 'b', told, None):
        world.authority.endpoints(name)
    assert len(statements) == count > 0


def test_a_projects_filters_go_with_it(world):
    told, one = project(world), first(world, Endpoint).id
    with world.db.write() as tx:
        endpoint_filters.add_endpoint(tx, told, one)
        group_id = endpoint_filters.create(tx, {'name': 'g', 'filters': {'interface': 'public'}})
        endpoint_filters.add_group(tx, told, group_id)
        projects.forget(tx, told)
        assert endpoint_filters.every(tx) == endpoint_filters.Filters({}, {})
        assert endpoint_filters.projects_of_endpoint(tx, one) == []


def test_an_endpoint_has_the_policy_of_the_nearest_region_above(world):
    with world.db.write() as tx:
        catalog.create_region(tx, {'id': 'above'}, {})
        tx.update(Region, Region.id == 'RegionOne', parent_region_id='above')
        policy_id = stored_policies.create(tx, {'type': 't', 'blob': 'b'}, {})
        row = tx.row(sa.select(Endpoint).order_by(Endpoint.seq))
        with pytest.raises(errors.NotFound, match='No policy is associated with endpoint'):
            stored_policies.of_endpoint(tx, row.id)
        stored_policies.associate(tx, policy_id, {'service_id': row.service_id, 'region_id': 'above'})
        assert stored_policies.of_endpoint(tx, row.id).id == policy_id
        assert row.id in [one.id for one in stored_policies.endpoints_of(tx, policy_id)]
        catalog.delete_service(tx, row.service_id)
        assert stored_policies.endpoints_of(tx, policy_id) == []


def test_limits_come_together_or_not_at_all(world):
    service_id = first(world, Service).id
    told = {'service_id': service_id, 'resource_name': 'cores', 'default_limit': 1}
    with pytest.raises(errors.Conflict), world.db.write() as tx:
        limits.register(tx, [told, {**told, 'resource_name': 'ram'}, told])
    with world.db.read() as tx:
        assert limits.find(tx, 'registered_limit', Page()) == []


def test_a_region_and_a_service_stay_while_they_have_limits(world):
    service_id = first(world, Service).id
    with world.db.write() as tx:
        catalog.create_region(tx, {'id': 'far'}, {})
        told = {'service_id': service_id, 'resource_name': 'cores', 'region_id': 'far'}
        limits.register(tx, [{**told, 'default_limit': 1}])
        limits.create(tx, [{**told, 'domain_id': 'default', 'resource_limit': 2}], limits.STRICT)
        for delete, name in ((catalog.delete_region, 'far'), (catalog.delete_service, service_id)):
            with pytest.raises(errors.Forbidden, match='registered limits'):
                delete(tx, name)
        assert len(limits.find(tx, 'limit', Page())) == len(limits.find(tx, 'registered_limit', Page())) == 1
