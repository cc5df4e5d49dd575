"""The story that `nimbus why` tells of a server."""

from nimbus.cli import why

ID, REQUEST = '6c2c8f0e-8a5b-4c57-9d3c-000000000001', 'req-1'


def event(name: str, at: str, **more):
    return {'event': name, 'start_time': at, 'finish_time': at, 'result': 'Success', **more}


class Cloud:
    """Answers as compute does, newest first; keeps what was asked."""

    def __init__(self, *events, servers=()):
        self.events, self.servers, self.asked = events, servers, []

    def get(self, service, path, version):
        self.asked.append(path)
        if path.startswith('/servers/detail'):
            return {'servers': list(self.servers)}
        if path.endswith('/os-instance-actions'):
            return {
                'instanceActions': [{'action': 'create', 'request_id': REQUEST, 'start_time': '1', 'message': None}]
            }
        return {'instanceAction': {'events': list(self.events)}}


def test_steps_are_told_in_the_order_they_happened_and_nothing_twice():
    sentence = 'No valid host was found.'
    cloud = Cloud(
        event('compute_place', '3', result='Error', details=sentence, traceback=f'{sentence}\n'),
        event('compute_quota', '2', host='h1'),
    )
    told = why.story(cloud, {'id': ID, 'name': 'v', 'status': 'ERROR', 'fault': {'message': sentence}})
    assert told == [
        f'v ({ID}) is ERROR.',
        '',
        '1  create  (req-1)',
        '    2  compute_quota on h1: Success',
        '    3  compute_place: Error',
        f'        {sentence}',
        '',
        f'Cause: {sentence}',
    ]


class Network(Cloud):
    """Knows two servers on one network, and shows hosts to operators only."""

    def __init__(self, operator: bool):
        super().__init__()
        self.operator, self.kind, self.dhcp = operator, 'local', ('h1', 'h2')

    def get(self, service, path, version):
        if service != 'network':
            return super().get(service, path, version)
        if path.startswith('/v2.0/networks/'):
            return {'network': {'provider:network_type': self.kind} if self.operator else {}}
        found = [
            {'network_id': 'n', 'device_id': device, 'device_owner': owner, 'binding:host_id': host}
            for device, owner, host in (
                (ID, 'compute:nova', 'h1'),
                ('b', 'compute:nova', 'h2'),
                *((f'd{host}', 'network:dhcp', host) for host in self.dhcp),
            )
        ]
        for port in () if self.operator else found:
            del port['binding:host_id']
        return {'ports': found[:1] if 'device_id' in path else found}


def test_servers_that_are_not_reached_are_told():
    server = {'id': ID, 'name': 'v', 'status': 'ACTIVE', 'hostId': 'x', 'OS-EXT-SRV-ATTR:host': 'h1'}
    (line,) = why.apart(Network(True), server)
    assert 'Network n is local to each host: 1 of its servers run elsewhere (on h2)' in line
    assert line in why.story(Network(True), server)
    assert why.apart(Network(True), {**server, 'OS-EXT-SRV-ATTR:host': 'h2'}) == []
    wide = Network(True)
    wide.kind = 'vlan'
    assert why.apart(wide, server) == []
    del server['OS-EXT-SRV-ATTR:host']
    member = Network(False)
    member.servers = [{'id': ID, 'hostId': 'x'}, {'id': 'b', 'hostId': 'y'}]
    (line,) = why.apart(member, server)
    assert 'h2' not in line and '1 of its servers' in line and 'may be local' in line
    member.dhcp = ('h1',)
    assert why.apart(member, server) == [], 'one DHCP server serves both hosts'
    member.dhcp = ('h1', 'h2')
    member.servers[1]['hostId'] = 'x'
    assert why.apart(member, server) == []


def test_a_name_is_no_pattern():
    found = {'name': 'a(b', 'created': '1'}
    cloud = Cloud(servers=[{'name': 'a(bc', 'created': '2'}, found])
    cloud.get_one = cloud.get
    cloud.get = lambda service, path, version: (
        _missing() if path.count('/') == 2 and '?' not in path else cloud.get_one(service, path, version)
    )
    assert why.find(cloud, 'a(b') == found
    assert 'name=%5Ea%5C%28b%24' in cloud.asked[0]


def _missing():
    from keystoneauth1 import exceptions

    raise exceptions.NotFound()
