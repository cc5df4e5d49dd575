"""What HTTP cannot show of identity's nouns: bootstrap twice, racing creations, catalogs."""

import dataclasses
import threading

import pytest
import sqlalchemy as sa

from nimbus.common import errors
from nimbus.identity import bootstrap, lists
from nimbus.identity.catalog import catalog
from nimbus.identity.models import Assignment, Endpoint, Project, Role, Service, User
from nimbus.identity.people import projects
from nimbus.identity.roles import assignments


def run_bootstrap(world, **changed):
    told = {
        'admin_password': 'other',
        'region': 'RegionOne',
        'urls': {'identity': 'http://cloud/v3', 'block-storage': 'http://cloud/v3'},
        'service_password': 'other',
        'passwords': world.authority.passwords,
    }
    with world.db.write() as tx:
        return bootstrap.bootstrap(tx, **{**told, **changed})


def counts(world):
    with world.db.read() as tx:
        tables = (Project, User, Role, Service, Endpoint)
        return [tx.scalar(sa.select(sa.func.count()).select_from(table)) for table in tables]


def test_bootstrap_twice_is_bootstrap_once(world):
    before = counts(world)
    assert run_bootstrap(world) == {'admin': 'kept', 'nimbus': 'kept'}
    assert counts(world) == before == [3, 2, 5, 5, 15]
    world.login()  # with the first password


def test_a_service_user_without_a_password_is_told_and_given_one_when_there_is_one(world):
    with world.db.write() as tx:
        tx.update(User, User.name == 'nimbus', password_hash=None)
    assert run_bootstrap(world, service_password=None) == {'admin': 'kept', 'nimbus': 'without'}
    assert run_bootstrap(world, service_password='later') == {'admin': 'kept', 'nimbus': 'given'}
    assert run_bootstrap(world, service_password='last') == {'admin': 'kept', 'nimbus': 'kept'}
    world.login(None, 'nimbus', 'later')


def test_bootstrap_moves_endpoints_that_moved(world):
    run_bootstrap(world, urls={'identity': 'http://elsewhere/v3'})
    with world.db.read() as tx:
        shown = {one.url for one in catalog.endpoints(tx) if one.service_type == 'identity'}
    assert shown == {'http://elsewhere/v3'}


def test_volumes_are_found_under_each_name_that_clients_know(world):
    with world.db.read() as tx:
        kinds = {one.service_type for one in catalog.endpoints(tx)}
    assert kinds == {'identity', 'block-storage', 'volumev3', 'volumev2', 'volume'}


def test_of_racing_creations_one_wins(world):
    outcomes: list[str] = []

    def create():
        try:
            with world.db.write() as tx:
                projects.create(tx, {'name': 'race', 'domain_id': 'default'}, {})
            outcomes.append('made')
        except errors.Conflict:
            outcomes.append('conflict')

    threads = [threading.Thread(target=create) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(outcomes) == ['conflict'] * 7 + ['made']


# OSSA-2014-029.
@pytest.mark.parametrize(
    ('template', 'url'),
    [
        ('http://x/v2.1', 'http://x/v2.1'),
        ('http://x/%(project_id)s', 'http://x/p'),
        ('http://x/$(tenant_id)s', 'http://x/p'),
        ('http://x/AUTH_%(user_id)s', 'http://x/AUTH_u'),
        ('http://x/$(admin_token)s', None),
    ],
)
def test_a_url_is_filled_in_from_a_few_names_only(template, url):
    assert catalog.url_for(template, 'u', 'p') == url


# OSSA-2014-029.
@pytest.mark.parametrize('url', ['http://x/$(host)s', 'http://x/%(db)s', 'http://x/%(project_id', 'http://x/%s'])
def test_an_endpoint_with_another_name_in_it_is_refused(url):
    with pytest.raises(errors.Invalid):
        catalog.check_url(url)


def test_what_another_transaction_added_first_is_found_by_the_second_try(world):
    with world.db.read() as tx:
        user = tx.scalar(sa.select(User.id))
        role = tx.scalar(sa.select(Role.id).where(Role.name == 'reader'))
    wanted = assignments.Grant('user', user, 'domain', 'default', role)
    with pytest.raises(errors.Transient), world.db.write() as tx:
        assignments.grant(tx, wanted)
        lists.add_once(tx, Assignment, **dataclasses.asdict(wanted))
    with world.db.write() as tx:
        assignments.grant(tx, wanted)
        assignments.grant(tx, wanted)
        assert assignments.has(tx, wanted)
