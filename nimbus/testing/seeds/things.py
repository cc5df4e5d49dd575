"""What stands in a cloud already, by name: looked up once, and made where it is missing."""

import urllib.parse
from typing import Any

from nimbus.testing.seeds.rest import Failed, Login

LISTS = {
    'role': ('identity', '/roles?name={name}', 'roles'),
    'project': ('identity', '/projects?name={name}', 'projects'),
    'user': ('identity', '/users?name={name}', 'users'),
    'flavor': ('compute', '/flavors?is_public=None', 'flavors'),
    'image': ('image', '/v2/images?name={name}', 'images'),
    'network': ('network', '/v2.0/networks?name={name}', 'networks'),
    'subnet': ('network', '/v2.0/subnets?name={name}', 'subnets'),
    'router': ('network', '/v2.0/routers?name={name}', 'routers'),
}


class Things:
    """The ids of a cloud's things by kind and name."""

    def __init__(self, admin: Login) -> None:
        self._admin = admin
        self._ids: dict[tuple[str, str], str] = {}

    def learn(self, kind: str, name: str, found: str) -> str:
        """The thing of that name is known by its id from now on; returns the id."""
        self._ids[kind, name] = found
        return found

    def find(self, kind: str, name: str, or_id: str | None = None, **where: Any) -> str | None:
        """The id of the thing of that name, or that has that id, None where there is none."""
        service, path, key = LISTS[kind]
        path = path.format(name=urllib.parse.quote(name))
        for row in self._admin.rows(service, path, key):
            same = row['name'] == name or or_id is not None and row['id'] == or_id
            if same and all(row.get(field) == value for field, value in where.items()):
                return self.learn(kind, name, row['id'])
        return None

    def id_of(self, kind: str, name: str) -> str:
        """The id of what is known or found by that name.  Raises Failed."""
        found = self._ids.get((kind, name)) or self.find(kind, name)
        if not found:
            raise Failed(f'There is no {kind} {name} in this cloud.')
        return found

    def ensure(self, service: str, path: str, kind: str, name: str, body: dict[str, Any], **where: Any) -> str:
        """The id of the thing of that name, made with that body where there is none."""
        found = self.find(kind, name, **where)
        return found or self.learn(kind, name, self._admin.post(service, path, {kind: body})[kind]['id'])
