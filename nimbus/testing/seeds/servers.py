"""Plants servers: each is made by who owns it and led into its state by the actions that users have."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from nimbus.testing.seeds.rest import Cloud, Failed, Login
from nimbus.testing.seeds.things import Things

# The action that leads from ACTIVE into a state.
ACTIONS: dict[str, dict[str, Any]] = {
    'SHUTOFF': {'os-stop': None},
    'PAUSED': {'pause': None},
    'SUSPENDED': {'suspend': None},
    'RESCUE': {'rescue': None},
    'SHELVED_OFFLOADED': {'shelve': None},
    'ERROR': {'os-resetState': {'state': 'error'}},
}
ENDED = ('ACTIVE', 'ERROR')  # states in which a build has ended


class Servers:
    """The servers of a seed."""

    def __init__(
        self,
        things: Things,
        cloud: Cloud,
        owners: list[tuple[dict[str, Any], str]],
        as_admin_of: Callable[[str], AbstractContextManager[Login]],
    ) -> None:
        """`owners` are the seed's users, each with a project in which they have a role."""
        self._things, self._cloud, self._owners, self._as_admin_of = things, cloud, owners, as_admin_of
        self._admin = cloud.login()

    def plant(self, rows: Iterable[dict[str, Any]]) -> None:
        """Every server is there and in its state."""
        with ExitStack() as logins:
            made: list[tuple[dict[str, Any], str, Login]] = []
            for row in rows:
                if not self._is_there(row):
                    login = self._login(row, logins)
                    made.append((row, self._create(row, login), login))
            for row, server, login in made:
                self._lead(row, server, login)
            for row, server, _ in made:
                self._await(server, (row.get('state', 'ACTIVE'),))

    def _is_there(self, row: dict[str, Any]) -> bool:
        project = self._things.id_of('project', row['project'])
        path = f'/servers?all_tenants=true&project_id={project}'
        return any(one['name'] == row['name'] for one in self._admin.rows('compute', path, 'servers'))

    def _login(self, row: dict[str, Any], logins: ExitStack) -> Login:
        """Who makes the server: its user, or another of the project, or the admin where a host is chosen."""
        named = row.get('user')
        for user, project in self._owners:
            if project == row['project'] and named in (None, user['name']) and 'host' not in row:
                return self._cloud.login(user['name'], project, user.get('password'))
        return logins.enter_context(self._as_admin_of(row['project']))

    def _create(self, row: dict[str, Any], login: Login) -> str:
        networks: Any = [{'uuid': self._things.id_of('network', name)} for name in row.get('networks', ())]
        body = {
            'name': row['name'],
            'flavorRef': self._things.id_of('flavor', row['flavor']),
            'imageRef': self._things.id_of('image', row['image']),
            'networks': networks or 'none',
            'metadata': row.get('metadata', {}),
            **({'host': row['host']} if 'host' in row else {}),
        }
        made: str = login.post('compute', '/servers', {'server': body})['server']['id']
        return made

    def _lead(self, row: dict[str, Any], server: str, login: Login) -> None:
        """The server is on its way into its state."""
        self._await(server, ENDED)
        state = row.get('state', 'ACTIVE')
        if state == 'VERIFY_RESIZE':
            flavor = self._things.id_of('flavor', row['resized_to'])
            login.post('compute', f'/servers/{server}/action', {'resize': {'flavorRef': flavor}})
        elif state in ACTIONS:
            asker = self._admin if state == 'ERROR' else login
            asker.post('compute', f'/servers/{server}/action', ACTIONS[state])

    def _await(self, server: str, states: tuple[str, ...]) -> None:
        def look() -> bool:
            found = self._admin.get('compute', f'/servers/{server}')['server']
            if found['status'] == 'ERROR' and 'ERROR' not in states:
                why = found.get('fault', {}).get('message', 'no reason is given')
                raise Failed(f'The server {found["name"]} is in ERROR: {why}.')
            return found['status'] in states and found['OS-EXT-STS:task_state'] is None

        self._admin.until(look, f'The server {server} is not {" or ".join(states)}')
