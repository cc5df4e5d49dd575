"""Consoles over HTTP, with an agent on the bus: their addresses, tokens, and who is refused one and why."""

import dataclasses
import datetime
import types
import urllib.parse

import pytest
import sqlalchemy as sa

from nimbus.api.compute import app
from nimbus.common import clock, ids
from nimbus.common.messaging import rpc
from nimbus.compute import console_tokens, states
from nimbus.compute.agent.fake.driver import FakeDriver, FakeSettings
from nimbus.compute.agent.fake.host import FakeHost
from nimbus.compute.agent.manager import Agent
from nimbus.compute.guest import Guest
from nimbus.compute.models import ConsoleToken, Server
from nimbus.compute.servers import guests, servers
from nimbus.console.options import Settings
from tests.compute_world import put_in, running
from tests.conftest import ADMIN, MEMBER, READER, STRANGER
from tests.wire.client import Client

SCREEN = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
PORT = {'remote_console': {'protocol': 'serial', 'type': 'serial'}}
NEWEST = 'compute 2.100'


@pytest.fixture
def cloud(parts, world, tmp_path):
    """The API, and a server whose guest runs on a host with an agent."""
    bus = rpc.transport(f'inproc:///{ids.plain()}')
    shared = dataclasses.replace(parts, bus=bus)
    shared.extra['console'] = Settings(public_url='https://cloud.example/consoles', token_ttl=60)
    driver = FakeDriver(FakeSettings(ids.plain()))
    listener = rpc.serve(bus, Agent('h1', driver, None, types.SimpleNamespace(done=None), str(tmp_path)), 'h1')

    def server(**more):
        row = running(parts.db, world, **more)
        with parts.db.read() as tx:
            driver.spawn(Guest.from_dict(guests.describe(tx, row.id)), '/base/i', lambda percent: None)
        return row

    yield types.SimpleNamespace(api=Client(app.make(shared), prefix='/v2.1'), driver=driver, server=server, db=parts.db)
    listener.stop()
    listener.wait()
    driver.close()
    FakeHost.forget()


def ask(cloud, row, body=SCREEN, version=NEWEST, **more):
    return cloud.api('POST', f'/servers/{row.id}/remote-consoles', body, version=version, **more)


def act(cloud, row, action, kind, version='compute 2.1'):
    return cloud.api('POST', f'/servers/{row.id}/action', {action: {'type': kind}}, version=version)


def told(answer):
    (fault,) = answer.json.values()
    return answer.status, fault['message']


def token_in(url):
    """The token of an address, as the page noVNC or a client of a serial port finds it."""
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    return asked['path'][0].partition('?token=')[2] if 'path' in asked else asked['token'][0]


def look(cloud, token, version=NEWEST, query='', asker=ADMIN):
    return cloud.api('GET', f'/os-console-auth-tokens/{token}{query}', asker=asker, version=version)


def opened(cloud, row, body=SCREEN):
    answer = ask(cloud, row, body)
    assert answer.status == 200
    return token_in(answer.json['remote_console']['url'])


@pytest.mark.parametrize(
    ('body', 'start'),
    [
        (SCREEN, 'https://cloud.example/consoles/vnc_lite.html?path=consoles%3Ftoken%3D'),
        (PORT, 'wss://cloud.example/consoles/?token='),
    ],
)
def test_a_console_s_address_has_a_token_that_leads_to_the_guest(cloud, body, start):
    row = cloud.server()
    answer = ask(cloud, row, body)
    made = answer.json['remote_console']
    assert answer.status == 200 and {**body['remote_console'], 'url': made['url']} == made
    assert made['url'].startswith(start) and ids.is_uuid(token := token_in(made['url']))
    place = cloud.driver.console_address(row.id, body['remote_console']['protocol'])
    assert look(cloud, token).json == {
        'console': {
            'instance_uuid': row.id,
            'host': place.host,
            'port': place.port,
            'internal_access_path': None,
        }
    }


def test_a_token_is_kept_as_its_hash(cloud):
    token = opened(cloud, cloud.server())
    with cloud.db.read() as tx:
        (kept,) = tx.rows(sa.select(ConsoleToken))
    assert token not in str(tuple(kept)) and len(kept.token_hash) == 64


@pytest.mark.parametrize(('action', 'kind'), [('os-getVNCConsole', 'novnc'), ('os-getSerialConsole', 'serial')])
def test_old_versions_ask_by_an_action(cloud, action, kind):
    row = cloud.server()
    answer = act(cloud, row, action, kind, 'compute 2.5')
    assert answer.status == 200 and answer.json['console']['type'] == kind
    assert look(cloud, token_in(answer.json['console']['url'])).json['console']['instance_uuid'] == row.id
    assert act(cloud, row, action, kind, 'compute 2.6').status in (400, 404)
    assert ask(cloud, row, version='compute 2.5').status == 404


@pytest.mark.parametrize(
    ('protocol', 'kind', 'sentence'),
    [
        ('vnc', 'xvpvnc', 'Invalid console type xvpvnc'),
        ('vnc', 'serial', 'Invalid console type serial'),
        ('serial', 'novnc', 'Invalid console type novnc'),
        ('spice', 'spice-html5', 'Unavailable console type spice-html5.'),
        ('spice', 'spice-direct', 'Unavailable console type spice-direct.'),
        ('rdp', 'rdp-html5', 'Unavailable console type rdp.'),
        ('mks', 'webmks', 'Unavailable console type webmks.'),
    ],
)
def test_consoles_that_no_guest_has_are_refused_by_their_names(cloud, protocol, kind, sentence):
    body = {'remote_console': {'protocol': protocol, 'type': kind}}
    assert told(ask(cloud, cloud.server(), body)) == (400, sentence)


def test_so_are_those_of_old_versions(cloud):
    row = cloud.server()
    assert told(act(cloud, row, 'os-getVNCConsole', 'xvpvnc')) == (400, 'Invalid console type xvpvnc')
    spice = act(cloud, row, 'os-getSPICEConsole', 'spice-html5')
    assert told(spice) == (400, 'Unavailable console type spice-html5.')
    assert told(act(cloud, row, 'os-getRDPConsole', 'rdp-html5')) == (400, 'Unavailable console type rdp.')
    assert act(cloud, row, 'os-getVNCConsole', 'serial').status == 400


@pytest.mark.parametrize(
    ('kind', 'since'), [({'protocol': 'mks', 'type': 'webmks'}, 8), ({'protocol': 'spice', 'type': 'spice-direct'}, 99)]
)
def test_a_version_knows_the_types_of_its_time(cloud, kind, since):
    row = cloud.server()
    before = ask(cloud, row, {'remote_console': kind}, version=f'compute 2.{since - 1}')
    assert before.status == 400 and 'Unavailable' not in told(before)[1]
    assert 'Unavailable' in told(ask(cloud, row, {'remote_console': kind}, version=f'compute 2.{since}'))[1]


@pytest.mark.parametrize(
    'body',
    [
        {},
        {'remote_console': {}},
        {'remote_console': {'protocol': 'vnc'}},
        {'remote_console': {'type': 'novnc'}},
        {'remote_console': {'protocol': 'vnc', 'type': 'novnc', 'more': 1}},
        {'remote_console': {'protocol': 'vnc', 'type': None}},
        {'remote_console': 'vnc'},
    ],
)
def test_a_request_has_a_protocol_and_a_type_and_nothing_else(cloud, body):
    assert ask(cloud, cloud.server(), body).status == 400


def test_a_server_without_a_guest_that_runs_has_no_console(cloud):
    row = cloud.server()
    cloud.driver.stop(row.id, 0)
    assert told(ask(cloud, row)) == (409, f'Instance {row.id} is not ready')
    cloud.driver.destroy(row.id)
    assert told(ask(cloud, row)) == (404, f'Instance {row.id} has no console.')
    put_in(cloud.db, row.id, states.BUILDING, 'spawning')
    assert told(ask(cloud, row)) == (409, f'Instance {row.id} is not ready')
    with cloud.db.write() as tx:
        servers.unplaced(tx, row.id)
    assert told(ask(cloud, row)) == (409, f'Instance {row.id} is not ready')


def test_a_server_that_is_being_deleted_has_none(cloud):
    row = cloud.server()
    put_in(cloud.db, row.id, states.ACTIVE, states.DELETING)
    sentence = f"Cannot 'get_vnc_console' instance {row.id} while it is in task_state deleting"
    assert told(ask(cloud, row)) == (409, sentence)


@pytest.mark.parametrize('state', [states.PAUSED, states.RESCUED, states.RESIZED, states.ERROR])
def test_a_guest_that_runs_has_one_in_any_state(cloud, state):
    row = cloud.server()
    put_in(cloud.db, row.id, state)
    assert ask(cloud, row).status == 200


def test_nobody_else_gets_one(cloud):
    row = cloud.server()
    assert told(ask(cloud, row, asker=STRANGER)) == (404, f'Instance {row.id} could not be found.')
    assert ask(cloud, row, asker=READER).status == 403
    assert ask(cloud, row, asker=ADMIN).status == 200


def test_only_operators_see_where_a_token_leads(cloud):
    token = opened(cloud, cloud.server())
    assert look(cloud, token, asker=MEMBER).status == 403
    assert told(look(cloud, ids.dashed())) == (404, 'Token not found')
    assert look(cloud, token, 'compute 2.30').status == 400
    assert look(cloud, token, 'compute 2.31').status == 200
    assert look(cloud, token, 'compute 2.98', '?x=1').status == 200
    assert look(cloud, token, 'compute 2.99', '?x=1').status == 400


def test_a_token_ends_with_its_time(cloud):
    token = opened(cloud, cloud.server())
    with cloud.db.read() as tx:
        (kept,) = tx.rows(sa.select(ConsoleToken))
    assert kept.expires_at - kept.created_at == datetime.timedelta(seconds=60)
    with cloud.db.write() as tx:
        tx.update(ConsoleToken, expires_at=clock.Clock().now())
    assert look(cloud, token).status == 404
    with cloud.db.write() as tx:
        assert (console_tokens.forget_ended(tx, 10), console_tokens.forget_ended(tx, 10)) == (1, 0)


def test_a_token_ends_with_its_server(cloud):
    row = cloud.server()
    token = opened(cloud, row)
    with cloud.db.write() as tx:
        servers.gone(tx, row.id)
    assert look(cloud, token).status == 404
    with cloud.db.read() as tx:
        assert not list(tx.rows(sa.select(ConsoleToken)))


def test_a_token_ends_with_its_server_s_move_also_when_it_comes_back(cloud):
    row = cloud.server()
    token = opened(cloud, row)
    for host in ('h2', 'h1'):
        with cloud.db.write() as tx:
            servers.placed(tx, row.id, host, host, 'nova')
        assert look(cloud, token).status == 404


def test_a_row_of_another_host_leads_nowhere(cloud):
    row = cloud.server()
    token = opened(cloud, row)
    with cloud.db.write() as tx:
        tx.update(Server, Server.id == row.id, host='h2')
    assert look(cloud, token).status == 404
