"""What a login asks of the database: few queries, each by an index, however many users there are."""

import pytest
import sqlalchemy as sa

from nimbus.identity.models import User
from nimbus.identity.roles import assignments
from tests.domain.identity.conftest import ADMIN


def queries_of(world, work):
    asked = []

    def note(_connection, _cursor, statement, *_more):
        if not statement.startswith('BEGIN'):
            asked.append(statement)

    sa.event.listen(world.db.reader, 'before_cursor_execute', note)
    work()
    sa.event.remove(world.db.reader, 'before_cursor_execute', note)
    return asked


def test_a_login_by_password_is_seven_queries(world):
    world.login()  # the first of a day is written down
    assert len(queries_of(world, world.login)) == 7


def test_a_login_by_token_is_six_queries(world):
    token = world.login()
    world.validator.validate(token)
    by_token = {'methods': ['token'], 'token': {'id': token}}
    assert len(queries_of(world, lambda: world.authority.login(by_token, ADMIN))) <= 6


def test_every_query_of_a_login_goes_by_an_index(world):
    if not world.db.sqlite:
        pytest.skip('the plans of SQLite are read here')
    plans = []

    def note(connection, cursor, statement, parameters, *_more):
        if statement.startswith(('SELECT', 'WITH')):
            told = connection.connection.cursor().execute(f'EXPLAIN QUERY PLAN {statement}', parameters).fetchall()
            plans.extend((row[-1], statement) for row in told)

    sa.event.listen(world.db.reader, 'before_cursor_execute', note)
    world.login()
    sa.event.remove(world.db.reader, 'before_cursor_execute', note)
    whole = [plan for plan, _ in plans if plan.startswith('SCAN') and plan != 'SCAN held']
    assert plans and whole == []


def test_the_roles_of_one_user_are_found_among_the_grants_of_many(world):
    if not world.db.sqlite:
        pytest.skip('the plans of SQLite are read here')
    with world.db.read() as tx:
        user_id = tx.scalar(sa.select(User.id).where(User.name == 'admin'))
        values = {
            'actors': [user_id, 'g'],
            'targets': ['p', 'd'],
            'user_id': user_id,
            'target_type': 'project',
            'target_id': 'p',
            'above': ['d'],
        }
        text = assignments._EFFECTIVE.params(values).compile(
            world.db.reader, compile_kwargs={'literal_binds': True, 'render_postcompile': True}
        )
        plan = [row[-1] for row in tx.rows(sa.text(f'EXPLAIN QUERY PLAN {text}'))]
    assert any('actor_id=? AND actor_type=? AND target_id=?' in line for line in plan), plan
