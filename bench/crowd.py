"""Asks identity 64 questions at a time, in a small cloud and in one of many users, and reports CPU and percentiles."""

import argparse
import datetime
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from bench import measure
from nimbus.common.database import db
from nimbus.identity.models import Assignment, Project, Role, User

BATCH = 10_000


def main() -> None:
    """Print a line for each question and number of users."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--database', help='URL of the cloud’s database; users are added there, which takes --users')
    parser.add_argument('--users', type=int, default=0, help='users that there shall be, each with a role')
    parser.add_argument('--at-a-time', type=int, default=64)
    parser.add_argument('--count', type=int, default=2000, help='of each question; logins by password a tenth')
    parser.add_argument('--only', help='questions whose name holds this')
    options = parser.parse_args()
    cloud, login = measure.Processes(options), measure.Login(options)
    there = _fill(options.database, options.users) if options.database else options.users
    for name, (share, work) in _questions(login).items():
        if options.only and options.only not in name:
            continue
        walls, spent = _crowd(cloud, options, max(options.at_a_time, int(options.count * share)), work)
        measure.report(test=name, users=there, at_a_time=options.at_a_time, **_figures(walls), cpu_ms=spent)


Ask = Callable[[measure.Endpoint], int]


def _questions(login: measure.Login) -> dict[str, tuple[float, Ask]]:
    """By name: which share of the count is asked, and how."""
    scope = login.request()['auth']['scope']
    by_token = {'auth': {'identity': {'methods': ['token'], 'token': {'id': login.token}}, 'scope': scope}}
    identity = measure.Endpoint(login.auth_url, login.token)
    user = identity.ask('GET', '/auth/tokens', x_subject_token=login.token)[2]['token']['user']['id']
    credentials = f'/users/{user}/application_credentials'
    wanted = {'application_credential': {'name': f'crowd-{time.time_ns()}', 'roles': [{'name': 'reader'}]}}
    made = identity.ask('POST', credentials, wanted)[2]['application_credential']
    lent = {'id': made['id'], 'secret': made['secret']}
    by_credential = {'auth': {'identity': {'methods': ['application_credential'], 'application_credential': lent}}}
    tokens = '/auth/tokens'
    return {
        'token by password': (0.1, lambda to: to.ask('POST', tokens, login.request())[0]),
        'token by token': (1, lambda to: to.ask('POST', tokens, by_token)[0]),
        'token by application credential': (1, lambda to: to.ask('POST', tokens, by_credential)[0]),
        'GET /v3/auth/tokens': (1, lambda to: to.ask('GET', tokens, x_subject_token=login.token)[0]),
        'GET /v3/users?limit=100': (0.2, lambda to: to.ask('GET', '/users?limit=100')[0]),
        'GET /v3/users?name=': (1, lambda to: to.ask('GET', '/users?name=admin')[0]),
        'GET /v3/users/ID': (1, lambda to: to.ask('GET', f'/users/{user}')[0]),
        'GET /v3/role_assignments?user.id=': (0.5, lambda to: to.ask('GET', f'/role_assignments?user.id={user}')[0]),
    } | _places(login)


def _places(login: measure.Login) -> dict[str, tuple[float, Ask]]:
    return {'GET /v3/auth/projects': (0.5, lambda to: to.ask('GET', '/auth/projects')[0])}


def _crowd(cloud: measure.Processes, options: argparse.Namespace, count: int, work: Ask) -> tuple[list[float], float]:
    """The wall times of so many questions, and the CPU of each."""
    login = measure.Login(options)
    left, walls, guard = [count], [], threading.Lock()

    def run() -> None:
        to = measure.Endpoint(login.auth_url, login.token)
        while True:
            with guard:
                if not left[0]:
                    return
                left[0] -= 1
            began = time.perf_counter()
            status = work(to)
            if status not in (200, 201):
                raise SystemExit(f'answered {status}')
            walls.append((time.perf_counter() - began) * 1000)

    threads = [threading.Thread(target=run) for _ in range(options.at_a_time)]
    before = cloud.cpu_ms()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return walls, round((cloud.cpu_ms() - before) / max(1, len(walls)), 3)


def _figures(walls: list[float]) -> dict[str, Any]:
    ordered = sorted(walls)
    return {
        'count': len(walls),
        'p50_ms': round(statistics.median(ordered), 2),
        'p99_ms': round(ordered[max(0, int(len(ordered) * 0.99) - 1)], 2),
    }


def _fill(url: str, users: int) -> int:
    """How many users there are, which is at least as many; each that is new has a role on a project of its own."""
    database = db.Database(url)
    with database.write() as tx:
        there = tx.scalar(sa.select(sa.func.count()).select_from(User)) or 0
        role = tx.scalar(sa.select(Role.id).where(Role.name == 'member'))
        common = {'enabled': True, 'extra': {}, 'options': {}, 'domain_id': 'default'}
        common['created_at'] = datetime.datetime(2030, 1, 1)
        place = {**common, 'parent_id': 'default', 'is_domain': False, 'description': ''}
        grant = {'actor_type': 'user', 'target_type': 'project', 'role_id': role, 'inherited': False}
        for first in range(there, users, BATCH):
            names = [f'{n:032x}' for n in range(first, min(users, first + BATCH))]
            tx.execute(sa.insert(User.__table__), [{**common, 'id': f'{name}', 'name': name} for name in names])
            tx.execute(sa.insert(Project.__table__), [{**place, 'id': f'f{name[1:]}', 'name': name} for name in names])
            rows = [{**grant, 'actor_id': name, 'target_id': f'f{name[1:]}'} for name in names]
            tx.execute(sa.insert(Assignment.__table__), rows)
    database.close()
    return max(there, users)


if __name__ == '__main__':
    main()
