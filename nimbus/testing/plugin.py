"""A plugin for pytest: a fake cloud a session (a worker, under pytest-xdist), and a clean one a test.

Fixtures: nimbus_cloud, nimbus_urls, nimbus_credentials, nimbus_environment, nimbus_connection and nimbus_requests.
Nothing is started before a test asks for one of them, and what it takes is imported only then.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nimbus.testing.child import ChildCloud
    from nimbus.testing.controls import Controls

CLEAN = 'clean'  # the snapshot that each test begins with


def pytest_addoption(parser: pytest.Parser) -> None:
    """What the cloud of a session has is an option of the command line, or of the project's file."""
    group = parser.getgroup('nimbus', 'a fake OpenStack cloud')
    group.addoption('--nimbus-seed', help='what the cloud has from its beginning: devstack (as usual) or a file')
    parser.addini('nimbus_seed', 'what the cloud has from its beginning: a name, or a file beside this one', default='')
    parser.addini('nimbus_options', 'more options of `nimbus up`, such as --hosts 3', type='args', default=[])


class Cloud:
    """A fake cloud as a test sees it."""

    def __init__(self, process: 'ChildCloud', controls: 'Controls') -> None:
        self._process, self.controls = process, controls
        self.facts: dict[str, Any] = process.facts
        self.began = 0  # the number of the last request before the test

    @property
    def urls(self) -> dict[str, str]:
        """Where each service is."""
        return dict(self.facts['urls'])

    @property
    def clouds_file(self) -> str:
        """The cloud's clouds.yaml, with an entry for each user."""
        return str(self.facts['clouds_file'])

    def credentials(self, user: str = 'admin') -> dict[str, str]:
        """What the user logs in with, under keystoneauth's names."""
        found: dict[str, str] = self.facts['users'][_entry(user)]
        return dict(found)

    def environment(self, user: str = 'admin') -> dict[str, str]:
        """The variables by which OpenStack's clients log in as the user."""
        return self._process.environment(_entry(user))

    def connect(self, user: str = 'admin') -> Any:
        """A connection of openstacksdk as the user."""
        import openstack

        return openstack.connect(load_envvars=False, load_yaml_config=False, auth_type='password',
                                 auth=self.credentials(user), region_name=self.facts['region'])  # fmt: skip

    def asked(self, **wanted: Any) -> list[dict[str, Any]]:
        """The requests since the test began that have these values; of `path`, what it begins with."""
        from nimbus.testing.controls import matching

        return matching(self.controls.requests(self.began), **wanted)

    def assert_asked(self, times: int | None = None, **wanted: Any) -> list[dict[str, Any]]:
        """Fails the test unless there were such requests, so many where `times` says; returns them."""
        found = self.asked(**wanted)
        if found if times is None else len(found) == times:
            return found
        named = ' '.join(f'{name}={value}' for name, value in wanted.items())
        lines = [f'{r["service"]} {r["method"]} {r["path"]} {r["version"] or ""} {r["status"]}' for r in self.asked()]
        seen = '\n  '.join(lines) or 'nothing'
        count = 'once at least' if times is None else f'{times} times, not {len(found)}'
        pytest.fail(f'Expected to be asked {count}: {named}. Since the test began there was\n  {seen}', pytrace=False)


def _entry(user: str) -> str:
    return 'nimbus' if user == 'admin' else f'nimbus-{user}'


@pytest.fixture(scope='session')
def nimbus_session(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """The session's cloud, with what earlier tests left in it."""
    from nimbus.testing.child import ChildCloud, NotReady
    from nimbus.testing.controls import Controls

    config = request.config
    seed = config.getoption('nimbus_seed') or _beside(config, config.getini('nimbus_seed')) or 'devstack'
    process = ChildCloud('--seed', seed, *config.getini('nimbus_options'))
    try:
        process.start()
        process.wait()
        controls = Controls(process.facts['auth_url'], process.facts['users']['nimbus']['password'])
        controls.take(CLEAN)
        yield Cloud(process, controls)
    except NotReady as why:
        pytest.exit(f'The fake cloud did not start: {why}', returncode=3)
    finally:
        process.stop()


def _beside(config: pytest.Config, seed: str) -> str:
    """The seed of a project's file, whose path counts from that file."""
    there = config.rootpath / seed
    return str(there) if seed and there.is_file() else seed


@pytest.fixture
def nimbus_cloud(nimbus_session: Cloud) -> Cloud:
    """The cloud as it was at its beginning, with nothing chosen."""
    nimbus_session.controls.restore(CLEAN)
    nimbus_session.began = nimbus_session.controls.last()
    return nimbus_session


@pytest.fixture
def nimbus_urls(nimbus_cloud: Cloud) -> dict[str, str]:
    """Where each service of a clean cloud is."""
    return nimbus_cloud.urls


@pytest.fixture
def nimbus_credentials(nimbus_cloud: Cloud) -> dict[str, str]:
    """What the admin of a clean cloud logs in with."""
    return nimbus_cloud.credentials()


@pytest.fixture
def nimbus_environment(nimbus_cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """OS_* and OS_CLIENT_CONFIG_FILE lead to a clean cloud for as long as the test runs."""
    import os

    for name in [name for name in os.environ if name.startswith('OS_')]:
        monkeypatch.delenv(name)
    found = nimbus_cloud.environment()
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def nimbus_connection(nimbus_cloud: Cloud) -> Iterator[Any]:
    """A connection of openstacksdk as the admin of a clean cloud; without openstacksdk the test is skipped."""
    pytest.importorskip('openstack')
    connection = nimbus_cloud.connect()
    yield connection
    connection.close()


@pytest.fixture
def nimbus_requests(nimbus_cloud: Cloud) -> Callable[..., list[dict[str, Any]]]:
    """Asserts what was asked of a clean cloud: nimbus_requests(method='POST', path='/v2.1/servers', times=1)."""
    return nimbus_cloud.assert_asked
