"""Logs in without HTTP in a small identity and in one of many users, and reports CPU and queries of each way."""

import argparse
import datetime
import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from bench import measure
from nimbus.common.database import db
from nimbus.identity import bootstrap, key_repository
from nimbus.identity.login.auth import Authority, hash_made_up
from nimbus.identity.models import Assignment, Membership, Project, Role, User
from nimbus.identity.options import Settings
from nimbus.identity.roles import application_credentials
from nimbus.identity.tokens import signing
from nimbus.identity.tokens.tokens import Validator

SCOPE = {'project': {'name': 'admin', 'domain': {'id': 'default'}}}
BATCH = 10_000


def main() -> None:
    """Print a line for each way to log in, number of users and kind of token."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--users', type=int, nargs='+', default=[10, 100_000])
    parser.add_argument('--count', type=int, default=300, help='logins of each kind; by password a fifth')
    options = parser.parse_args()
    for users in options.users:
        for kind in ('fernet', 'jws'):
            with tempfile.TemporaryDirectory() as root:
                _measure(pathlib.Path(root), users, kind, options.count)


def _measure(root: pathlib.Path, users: int, kind: str, count: int) -> None:
    key_repository.setup(root / 'keys')
    key_repository.setup(root / 'signing', signing.make)
    database = db.Database(f'sqlite:///{root}/nimbus.db')
    db.Base.metadata.create_all(database.writer)
    settings = Settings(bcrypt_rounds=4, token_format=kind)
    signer = signing.SigningKeys(root / 'signing')
    validator = Validator(database, str(root / 'keys'), settings, signed=signer)
    issuer = Authority(database, validator, settings)
    secret = _fill(database, issuer, users)
    validator.start()
    user = {'name': 'admin', 'password': 'bench', 'domain': {'id': 'default'}}
    by_password = {'methods': ['password'], 'password': {'user': user}}
    token, _ = issuer.login(by_password, SCOPE)
    ways: dict[str, Callable[[], Any]] = {
        'by password, less the hash': lambda: issuer.login(by_password, SCOPE),
        'by token': lambda: issuer.login({'methods': ['token'], 'token': {'id': token}}, SCOPE),
        'by application credential': lambda: issuer.login(
            {'methods': ['application_credential'], 'application_credential': secret}
        ),
        'validation, cold': lambda: Validator(database, str(root / 'keys'), settings, signed=signer).read(token),
        'validation, warm': lambda: validator.validate(token, request_id='req'),
    }
    for name, work in ways.items():
        _report(database, work, count, test=f'login {name}' if name.startswith('by') else name, users=users, token=kind)
    validator.stop()
    issuer.close()
    database.close()


def _report(database: db.Database, work: Callable[[], Any], count: int, **facts: Any) -> None:
    work()
    began = time.thread_time()
    for _ in range(count):
        work()
    spent = (time.thread_time() - began) / count * 1000
    # Counted afterwards: once anybody has listened, an engine prepares every statement for listeners.
    queries: list[str] = []
    note = lambda *args: queries.append(args[2])  # noqa: E731
    sa.event.listen(database.reader, 'before_cursor_execute', note)
    work()
    sa.event.remove(database.reader, 'before_cursor_execute', note)
    measure.report(**facts, cpu_ms=round(spent, 4), queries=len(queries))


def _fill(database: db.Database, issuer: Authority, users: int) -> dict[str, str]:
    """An identity with so many users, each with a role on a project; an application credential of admin's."""
    with database.write() as tx:
        bootstrap.bootstrap(
            tx,
            admin_password='bench',
            region='RegionOne',
            urls={'identity': 'http://127.0.0.1/v3'},
            service_password=None,
            passwords=issuer.passwords,
        )
        admin = tx.row(sa.select(User).where(User.name == 'admin'))
        project = tx.row(sa.select(Project).where(Project.name == 'admin'))
        role = tx.scalar(sa.select(Role.id).where(Role.name == 'member'))
        values = {'name': 'bench', 'project_id': project.id, 'role_ids': [role]}
        made = application_credentials.create(tx, admin.id, values, hash_made_up('secret'))
        now = datetime.datetime(2030, 1, 1)
        common = {'enabled': True, 'extra': {}, 'options': {}, 'created_at': now, 'domain_id': 'default'}
        for first in range(0, users, BATCH):
            names = [f'{n:032x}' for n in range(first, min(users, first + BATCH))]
            tx.execute(sa.insert(User.__table__), [{**common, 'id': name, 'name': name} for name in names])
            grant = {'actor_type': 'user', 'target_type': 'project', 'role_id': role, 'inherited': False}
            rows = [{**grant, 'actor_id': name, 'target_id': project.id} for name in names]
            tx.execute(sa.insert(Assignment.__table__), rows)
            tx.execute(sa.insert(Membership.__table__), [{'user_id': name, 'group_id': 'g'} for name in names])
    return {'id': made, 'secret': 'secret'}


if __name__ == '__main__':
    main()
