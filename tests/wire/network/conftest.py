"""A client of the network API, and nouns made over it."""

from typing import Any

import pytest

from nimbus.api.network import app
from nimbus.common.parts import Parts
from tests.conftest import MEMBER
from tests.wire.client import Client


class Neutron(Client):
    """The network API with the requests tests make most."""

    def make(self, kind: str, status: int = 201, asker: Any = MEMBER, **body: Any) -> Any:
        """What a POST of one noun answers."""
        path = '/' + {'security_group': 'security-groups', 'security_group_rule': 'security-group-rules'}.get(
            kind, kind + 's'
        )
        answer = self('POST', path, {kind: body}, asker)
        assert answer.status == status, answer.data
        return answer.json[kind] if status == 201 else answer.json['NeutronError']

    def network(self, *cidrs: str, asker: Any = MEMBER, dhcp: bool = False, **body: Any) -> Any:
        """A network with a subnet for each range, as shown afterwards."""
        made = self.make('network', asker=asker, **body)
        for cidr in cidrs:
            version = 6 if ':' in cidr else 4
            self.make('subnet', asker=asker, network_id=made['id'], cidr=cidr, ip_version=version, enable_dhcp=dhcp)
        return self('GET', f'/networks/{made["id"]}', asker=asker).json['network']

    def change(self, kind: str, id: str, asker: Any = MEMBER, status: int = 200, **body: Any) -> Any:
        """What a PUT of one noun answers."""
        path = {'security_group': 'security-groups'}.get(kind, kind + 's')
        answer = self('PUT', f'/{path}/{id}', {kind: body}, asker)
        assert answer.status == status, answer.data
        return answer.json[kind] if status == 200 else answer.json['NeutronError']

    def refused(self, method: str, path: str, body: Any = None, asker: Any = MEMBER) -> tuple[int, str]:
        """Status and error type of a request that fails."""
        answer = self(method, path, body, asker)
        assert answer.status >= 400, answer.data
        return answer.status, answer.json['NeutronError']['type']


@pytest.fixture
def neutron(parts: Parts) -> Neutron:
    return Neutron(app.make(parts), prefix='/v2.0')
