"""Issues and validates tokens: by password, by token, over HTTP and inside a service."""

import contextlib
import pathlib
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from bench import measure


def main() -> None:
    """Print a line each for logins, validations and a validation without HTTP."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--count', type=int, default=200, help='requests of each kind; logins by password a tenth')
    options = parser.parse_args()
    cloud, login = measure.Processes(options), measure.Login(options)
    scope = login.request()['auth']['scope']
    identity = measure.Endpoint(login.auth_url, login.token)
    by_token = {'auth': {'identity': {'methods': ['token'], 'token': {'id': login.token}}, 'scope': scope}}

    def issue(body: dict[str, Any]) -> None:
        assert identity.ask('POST', '/auth/tokens', body)[0] == 201

    def validate() -> None:
        assert identity.ask('GET', '/auth/tokens', x_subject_token=login.token)[0] == 200

    measure.timed(cloud, 'token by password', max(1, options.count // 10), lambda: issue(login.request()))
    measure.timed(cloud, 'token by token', options.count, lambda: issue(by_token))
    measure.timed(cloud, 'GET /v3/auth/tokens, warm', options.count * 5, validate)
    inside_a_service(options.count * 100)


def inside_a_service(count: int) -> None:
    """Report what a validation costs that makes no request: first the one that looks things up, then the others."""
    with _validator() as (validator, token):
        began = time.thread_time()
        validator.validate(token)
        measure.report(test='validation in process, cold', count=1, cpu_ms=round((time.thread_time() - began) * 1e3, 4))
        began = time.thread_time()
        for _ in range(count):
            validator.validate(token, request_id='req-bench')
        spent = (time.thread_time() - began) / count
        measure.report(test='validation in process, warm', count=count, cpu_ms=round(spent * 1e3, 5))


@contextlib.contextmanager
def _validator() -> Iterator[tuple[Any, str]]:
    """A validator over a small identity of its own, and a token that it knows how to open."""
    from nimbus.common.database import db
    from nimbus.identity import bootstrap, key_repository, models  # noqa: F401
    from nimbus.identity.login.auth import Authority
    from nimbus.identity.options import Settings
    from nimbus.identity.tokens.tokens import Validator

    with tempfile.TemporaryDirectory() as root:
        repository = str(pathlib.Path(root) / 'keys')
        key_repository.setup(repository)
        database = db.Database(f'sqlite:///{root}/nimbus.db')
        db.Base.metadata.create_all(database.writer)
        settings = Settings(bcrypt_rounds=4, key_repository=repository)
        issuer = Authority(database, Validator(database, repository, settings), settings)
        with database.write() as tx:
            bootstrap.bootstrap(
                tx,
                admin_password='bench',
                region='RegionOne',
                urls={'identity': 'http://127.0.0.1/v3'},
                service_password=None,
                passwords=issuer.passwords,
            )
        user = {'name': 'admin', 'password': 'bench', 'domain': {'id': 'default'}}
        scope = {'project': {'name': 'admin', 'domain': {'id': 'default'}}}
        token, _ = issuer.login({'methods': ['password'], 'password': {'user': user}}, scope)
        validator = Validator(database, repository, settings)
        validator.start()
        yield validator, token
        validator.stop()
        issuer.close()
        database.close()


if __name__ == '__main__':
    main()
