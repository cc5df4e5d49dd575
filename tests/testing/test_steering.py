"""A fake cloud is slowed, broken, moved in time and put back, as its admin chooses and nobody else."""

import json
import time

import pytest
import requests

from nimbus.testing import controls
from nimbus.testing.seeds import dump, files


def url_of(process, service):
    return process.facts['urls'][service]


def ask(cloud, process, service, path, method='GET', user='admin', **more):
    headers = {'X-Auth-Token': cloud.login(user, user).session.get_token(), **more.pop('headers', {})}
    return requests.request(method, url_of(process, service) + path, headers=headers, timeout=30, **more)


def test_the_next_call_of_an_operation_fails_with_the_error_of_a_real_host(steered, boot, cloud):
    steered.fail('compute.spawn', times=1, message='qemu: out of memory')
    found = boot()
    assert (found['status'], found['fault']['message']) == ('ERROR', 'The hypervisor did not spawn the guest.')
    told = cloud.login().get('compute', f'/servers/{found["id"]}')['server']['fault']
    assert told['details'] == 'qemu: out of memory'
    assert steered.show()['faults'][0]['left'] == 0
    assert boot('next')['status'] == 'ACTIVE'


def test_every_nth_call_fails_until_it_is_reset(steered, boot):
    number = steered.fail('compute.spawn', every=2)
    assert [boot(f's{n}')['status'] for n in range(4)] == ['ACTIVE', 'ERROR', 'ACTIVE', 'ERROR']
    steered.ask('DELETE', f'/faults/{number}')
    after = [boot(f't{n}') for n in range(2)]
    assert [(one['status'], one.get('fault')) for one in after] == [('ACTIVE', None)] * 2


def test_a_port_that_cannot_be_wired_fails_the_build(steered, boot):
    steered.fail('network.wire', message='The switch has no room for it.', times=100)
    assert boot()['status'] == 'ERROR'


def test_a_volume_that_cannot_be_made_is_in_error(steered, demo):
    steered.fail('volume.create')

    def became():
        made = demo.post('volume', '/volumes', {'volume': {'size': 1}})['volume']['id']
        return demo.until(
            lambda: (s := demo.get('volume', f'/volumes/{made}')['volume']['status']) != 'creating' and s, 'creating'
        )

    assert [became(), became()] == ['error', 'available']


def test_chance_repeats_with_its_seed(steered, boot):
    assert steered.show()['chance_seed'] == 7
    steered.fail('compute.spawn', chance=1.0, times=2)
    assert [boot(f's{n}')['status'] for n in range(3)] == ['ERROR', 'ERROR', 'ACTIVE']


def test_a_state_is_seen_for_as_long_as_was_chosen(steered, boot):
    steered.slow('compute.spawn', 0.7)
    began = time.monotonic()
    assert boot()['status'] == 'ACTIVE' and time.monotonic() - began >= 0.7
    steered.slow('*', 0)
    assert steered.show()['times'] == {}


def test_tokens_expire_when_the_clock_is_moved(steered, cloud, process):
    token = {'X-Auth-Token': cloud.login().session.get_token()}
    there = f'{url_of(process, "identity")}/v3/users'
    assert requests.get(there, headers=token, timeout=30).status_code == 200
    steered.move_clock(2 * 3600)
    assert requests.get(there, headers=token, timeout=30).status_code == 401
    assert steered.show()['clock']['ahead'] == 7200
    cloud._logins.clear()
    services = cloud.login().get('compute', '/os-services')['services']
    assert {service['state'] for service in services} == {'up'}


def test_a_host_dies_with_its_guests_and_returns(steered, boot, cloud):
    admin, found = cloud.login(), boot()
    host = admin.get('compute', f'/servers/{found["id"]}')['server']['OS-EXT-SRV-ATTR:host']

    def state():
        (service,) = admin.get('compute', f'/os-services?binary=nova-compute&host={host}')['services']
        return service['state']

    steered.switch(host, 'off')
    assert state() == 'down'
    assert boot('elsewhere')['status'] == 'ACTIVE'
    steered.switch(host, 'on')
    admin.until(lambda: state() == 'up', 'The host is not up')


def test_an_answer_is_an_error_of_that_api_and_only_so_often(steered, cloud, process):
    steered.answer(service='compute', method='GET', path='/v2.1/servers*', status=503, retry_after=3)
    first, second = (ask(cloud, process, 'compute', '/v2.1/servers') for _ in range(2))
    assert (first.status_code, first.headers['Retry-After'], second.status_code) == (503, '3', 200)
    assert first.json()['serviceUnavailable']['message'] == 'Service Unavailable: this answer was chosen for the test.'
    steered.answer(service='network', status=429)
    assert ask(cloud, process, 'network', '/v2.0/networks').json()['NeutronError']['type'] == 'HTTPTooManyRequests'


def test_an_answer_is_late(steered, cloud, process):
    cloud.login().session.get_token()
    steered.answer(service='image', delay=0.5)
    began = time.monotonic()
    assert ask(cloud, process, 'image', '/v2/images').status_code == 200 and time.monotonic() - began >= 0.5


def test_an_answer_is_cut_in_the_middle(steered, cloud, process):
    cloud.login().session.get_token()
    steered.answer(service='compute', cut=True)
    with pytest.raises(requests.exceptions.RequestException):
        ask(cloud, process, 'compute', '/v2.1/flavors/detail')
    assert ask(cloud, process, 'compute', '/v2.1/flavors/detail').status_code == 200


@pytest.mark.parametrize(
    'service, path, key', [('compute', '/v2.1/flavors', 'flavors'), ('network', '/v2.0/networks', 'networks')]
)
def test_pages_are_short_and_lead_to_all(steered, cloud, process, service, path, key):
    every = ask(cloud, process, service, path).json()[key]
    steered.limit_pages(2)
    page = ask(cloud, process, service, path).json()
    assert len(page[key]) == 2 < len(every)
    admin = cloud.login()
    rows = admin.rows(service, path.removeprefix('/v2.1'), key)
    assert sorted(row['id'] for row in rows) == sorted(row['id'] for row in every)


def test_what_was_asked_is_shown_without_secrets(steered, cloud, process, demo):
    before = steered.last()
    password = process.facts['users']['nimbus']['password']
    body = {'user': {'name': 'new', 'password': 'tell nobody', 'domain_id': 'default'}}
    cloud.login().post('identity', '/users', body)
    demo.get('compute', '/servers')
    records = steered.requests(before)
    (made,) = controls.matching(records, service='identity', method='POST', path='/v3/users')
    assert made['body']['user'] == {'name': 'new', 'password': '***', 'domain_id': 'default'}
    assert (made['status'], made['answer']['user']['name'], made['chosen']) == (201, 'new', None)
    assert made['headers']['X-Auth-Token'] == '***'
    (listed,) = controls.matching(records, service='compute', path='/v2.1/servers')
    assert (listed['version'], listed['answer']) == ('compute 2.79', {'servers': []})
    written = (process.state / 'requests.jsonl').read_text()
    tokens = [cloud.login().session.get_token(), demo.session.get_token()]
    assert not [secret for secret in ('tell nobody', password, *tokens) if secret in written + json.dumps(records)]
    assert json.loads(written.splitlines()[-1])['number'] >= listed['number']
    assert (process.state / 'requests.jsonl').stat().st_mode & 0o777 == 0o600


def test_bodies_are_kept_no_longer_than_can_be_read(steered, cloud):
    admin, before = cloud.login(), steered.last()
    image = admin.post('image', '/v2/images', {'disk_format': 'raw', 'container_format': 'bare'})['id']
    told = {'Content-Type': 'application/octet-stream'}
    admin.ask('PUT', 'image', f'/v2/images/{image}/file', data=bytes(1 << 20), headers=told)
    (upload,) = controls.matching(steered.requests(before), service='image', method='PUT')
    assert (upload['body'], upload['answer']) == ('1048576 bytes of application/octet-stream', None)


def test_a_cloud_is_put_back_with_what_was_deleted_and_without_what_was_made(steered, cloud, boot):
    before = dump.dump(cloud)
    admin, image = cloud.login(), before['images'][0]['name']
    assert boot()['status'] == 'ACTIVE'
    (there,) = admin.get('image', f'/v2/images?name={image}')['images']
    admin.ask('DELETE', 'image', f'/v2/images/{there["id"]}')
    admin.post('identity', '/users', {'user': {'name': 'late', 'domain_id': 'default'}})
    steered.restore()
    cloud._logins.clear()
    assert dump.dump(cloud) == before
    data = cloud.login().session.get(
        f'/v2/images/{there["id"]}/file', endpoint_filter={'service_type': 'image', 'interface': 'public'}
    )
    assert data.content == bytes(1 << 20)
    assert boot('again')['status'] == 'ACTIVE'


def test_a_cloud_is_put_back_over_and_over_and_its_servers_obey(steered, cloud, boot):
    there = f'/servers/{boot()["id"]}'
    steered.take('with-a-server')
    for _ in range(3):
        steered.restore('with-a-server')
        cloud._logins.clear()
        demo = cloud.login('demo', 'demo')
        for action, state in (('os-stop', 'SHUTOFF'), ('os-start', 'ACTIVE')):
            demo.post('compute', f'{there}/action', {action: None})
            demo.until(lambda d=demo, s=state: d.get('compute', there)['server']['status'] == s, state)
    steered.ask('DELETE', '/snapshots/with-a-server')


@pytest.mark.parametrize(
    'method, path, body, told',
    [
        ('PUT', '/times', {'compute.dance': 1}, 'compute.dance'),
        ('PUT', '/times', {'compute.spawn': -1}, 'compute.spawn: -1 is less than the minimum'),
        ('POST', '/faults', {'operation': 'compute.dance'}, 'operation: "compute.dance" is not one of'),
        ('POST', '/faults', {}, '"operation" is a required property'),
        ('POST', '/faults', {'operation': 'compute.spawn', 'host': 'moon'}, 'There is no host moon; there are '),
        ('POST', '/faults', None, 'null is not of type "object"'),
        ('POST', '/answers', {'service': 'compute'}, 'An answer needs a status, a delay or to be cut.'),
        ('POST', '/answers', {'status': 299}, 'status: 299 is not one of'),
        ('POST', '/clock', {'seconds': -5}, 'seconds: -5 is less than or equal to'),
        ('POST', '/clock', {'seconds': 10**12}, 'seconds: 1000000000000 is greater than'),
        ('PUT', '/page-limit', {'limit': 0}, 'limit: 0 is less than the minimum'),
        ('PUT', '/hosts/moon', {'power': 'off'}, 'There is no host moon'),
        ('POST', '/snapshots/none', None, 'There is no snapshot none'),
        ('DELETE', '/faults/f99', None, 'There is no fault f99'),
        ('DELETE', '/answers/a99', None, 'There is no answer a99'),
        ('GET', '/requests?since=x', None, 'since=x is no number of a request'),
        ('GET', '/nothing', None, 'There is nothing at /fake/v1/nothing'),
        ('PATCH', '/clock', {}, '/fake/v1/clock takes POST'),
    ],
)
def test_what_cannot_be_chosen_is_refused_in_a_sentence(steered, method, path, body, told):
    with pytest.raises(controls.Refused) as why:
        steered.ask(method, path, body)
    assert told in str(why.value)
    shown = steered.show()
    assert not any(shown[name] for name in ('times', 'faults', 'answers', 'page_limit'))


def test_only_the_admin_steers(steered, cloud, process):
    there = f'{url_of(process, "identity")}/fake/v1'
    assert requests.get(there, timeout=30).status_code == 401
    assert requests.get(there, headers={'X-Auth-Token': 'x'}, timeout=30).status_code == 401
    answer = ask(cloud, process, 'identity', '/fake/v1', 'DELETE', user='demo')
    assert answer.status_code == 403
    assert answer.json()['error']['message'] == 'Only the admin of the cloud, in the project admin, may steer it.'
    broken = ask(cloud, process, 'identity', '/fake/v1/clock', 'POST', data=b'{', headers={'Content-Type': 'a/b'})
    assert (broken.status_code, broken.json()['error']['message']) == (400, 'Malformed request body')


def test_a_cloud_that_is_not_steered_has_no_controls(tmp_path):
    from tests.cloud import Cloud

    with Cloud(tmp_path) as plain:
        answer = plain.client('admin').request('GET', 'identity', '/../fake/v1')
        assert answer.status_code == 404


def test_the_written_cloud_is_a_seed_again(steered, cloud):
    assert files.parse(dump.text_of(dump.dump(cloud)))['users'][0]['name'] == 'demo'
