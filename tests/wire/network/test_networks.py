"""Networks over HTTP."""

from tests.conftest import ADMIN, MEMBER, OUTSIDER, READER, STRANGER


def test_a_new_network_shows_what_neutron_shows(neutron):
    made = neutron.make('network', name='blue')
    for name in ('id', 'created_at', 'updated_at'):
        assert made.pop(name)
    assert made == {
        'name': 'blue',
        'project_id': MEMBER.project_id,
        'tenant_id': MEMBER.project_id,
        'description': '',
        'revision_number': 0,
        'admin_state_up': True,
        'shared': False,
        'status': 'ACTIVE',
        'subnets': [],
        'mtu': 1500,
        'port_security_enabled': True,
        'router:external': False,
        'is_default': False,
        'dns_domain': '',
        'ipv4_address_scope': None,
        'ipv6_address_scope': None,
        'qos_policy_id': None,
        'availability_zone_hints': [],
        'availability_zones': [],
        'tags': [],
    }


def test_an_operator_sees_the_provider_attributes(neutron):
    made = neutron.make('network', asker=ADMIN, **{'provider:network_type': 'local'})
    assert made['provider:network_type'] == 'local'
    assert made['provider:segmentation_id'] is None


def test_a_network_type_that_is_not_built_is_refused(neutron):
    why = neutron.make('network', 400, ADMIN, **{'provider:network_type': 'stt'})
    assert why['type'] == 'InvalidInput' and "network_type value 'stt' not supported" in why['message']


def test_what_only_an_operator_may_set_is_refused_to_a_member(neutron):
    for body in ({'shared': True}, {'router:external': True}, {'provider:network_type': 'local'}):
        why = neutron.make('network', 403, **body)
        assert why['type'] == 'PolicyNotAuthorized'
    assert neutron.make('network', 400, project_id=STRANGER.project_id)['type'] == 'HTTPBadRequest'
    assert neutron.make('network', asker=ADMIN, tenant_id='c' * 32)['project_id'] == 'c' * 32


def test_bodies_are_checked_in_neutrons_words(neutron):
    def told(body):
        answer = neutron('POST', '/networks', body)
        assert answer.status == 400
        return answer.json['NeutronError']['message']

    assert told(None) == 'Resource body required'
    assert told({'net': {}}) == "Unable to find 'network' in request body"
    assert told({'network': []}) == "Unable to find 'network' in request body"
    assert told({'network': {'colour': 1}}) == "Unrecognized attribute(s) 'colour'"
    assert told({'network': {'status': 'x'}}) == "Attribute 'status' not allowed in POST"
    assert told({'network': {'name': 'x' * 256}}).startswith('Invalid input for name. Reason:')
    assert told({'network': {'admin_state_up': 'perhaps'}}).startswith('Invalid input for admin_state_up.')
    assert told({'network': {'mtu': -1}}).startswith('Invalid input for mtu.')
    assert told({'networks': []}) == 'Resources required'
    assert told({'network': {'tenant_id': 'a', 'project_id': 'b'}}) == "'project_id' and 'tenant_id' do not match"


def test_several_networks_are_made_at_once_or_none(neutron):
    made = neutron('POST', '/networks', {'networks': [{'name': 'a'}, {'name': 'b'}]})
    assert (made.status, [n['name'] for n in made.json['networks']]) == (201, ['a', 'b'])
    assert neutron('POST', '/networks', {'networks': [{'name': 'c'}, {'shared': True}]}).status == 403
    assert len(neutron('GET', '/networks').json['networks']) == 2


def test_who_sees_and_changes_which_network(neutron):
    mine = neutron.make('network')['id']
    shared = neutron.make('network', asker=ADMIN, shared=True)['id']
    far = neutron.make('network', asker=STRANGER)['id']
    path = '/networks/'
    assert neutron('GET', path + mine, asker=READER).status == 200
    assert neutron('GET', path + shared, asker=STRANGER).status == 200
    assert neutron.refused('GET', path + far) == (404, 'NetworkNotFound')
    assert neutron.refused('DELETE', path + far) == (404, 'NetworkNotFound')
    assert neutron.refused('DELETE', path + mine, asker=READER) == (403, 'PolicyNotAuthorized')
    assert neutron.refused('DELETE', path + shared, asker=STRANGER) == (403, 'PolicyNotAuthorized')
    assert neutron.refused('PUT', path + shared, {'network': {'name': 'x'}}, STRANGER)[0] == 403
    assert neutron.refused('GET', path + mine, asker=OUTSIDER)[0] == 403
    assert neutron('GET', path + mine, asker=None).status == 401
    assert {n['id'] for n in neutron('GET', '/networks', asker=STRANGER).json['networks']} == {shared, far}


def test_a_network_is_changed_and_its_revision_grows(neutron):
    made = neutron.make('network')
    changed = neutron.change('network', made['id'], name='new', admin_state_up='false')
    assert (changed['name'], changed['admin_state_up'], changed['revision_number']) == ('new', False, 1)
    assert neutron.change('network', made['id'], status=403, shared=True)['type'] == 'PolicyNotAuthorized'
    assert neutron.change('network', made['id'], status=400, subnets=[])['message'] == (
        'Cannot update read-only attribute subnets'
    )


def test_if_match_guards_a_change(neutron):
    made = neutron.make('network')
    path, body = f'/networks/{made["id"]}', {'network': {'name': 'x'}}
    assert neutron('PUT', path, body, if_match='revision_number=7').status == 412
    assert neutron('PUT', path, body, if_match='revision_number=-1').status == 412
    for none in ('\xb2', '9' * 5000, '1e3', '+0'):
        assert neutron('PUT', path, body, if_match=f'revision_number={none}').status == 400
    assert neutron('PUT', path, body, if_match='revision_number=0').status == 200


def test_lists_are_filtered_by_every_attribute(neutron):
    a = neutron.make('network', name='a')['id']
    b = neutron.make('network', name='b', admin_state_up=False)['id']

    def ids(query):
        return [n['id'] for n in neutron('GET', f'/networks?{query}').json['networks']]

    assert ids('name=a') == [a]
    assert ids('name=a&name=b') == [a, b]
    assert ids('admin_state_up=False') == [b]
    assert ids('router:external=True') == []
    assert ids(f'tenant_id={MEMBER.project_id}') == [a, b]
    assert ids('sort_key=name&sort_dir=desc') == [b, a]
    assert neutron.refused('GET', '/networks?sort_key=colour&sort_dir=asc') == (400, 'HTTPBadRequest')
    assert neutron.refused('GET', '/networks?admin_state_up=x') == (400, 'HTTPBadRequest')
    assert neutron('GET', '/networks?fields=id&name=a').json == {'networks': [{'id': a}]}


def test_lists_come_in_pages_both_ways(neutron):
    names = ['n0', 'n1', 'n2', 'n3', 'n4']
    for name in names:
        neutron.make('network', name=name)
    seen, path = [], '/networks?limit=2&sort_key=name&sort_dir=asc'
    while path:
        page = neutron('GET', path).json
        seen.append([n['name'] for n in page['networks']])
        links = {link['rel']: link['href'] for link in page.get('networks_links', ())}
        path = links.get('next', '').removeprefix('http://cloud/v2.0')
        back = links.get('previous', '')
    assert seen == [['n0', 'n1'], ['n2', 'n3'], ['n4']]
    page = neutron('GET', back.removeprefix('http://cloud/v2.0')).json
    assert [n['name'] for n in page['networks']] == ['n2', 'n3']
    assert neutron.refused('GET', '/networks?limit=-1')[0] == 400
    assert neutron.refused('GET', '/networks?marker=none&limit=1')[0] == 400


def test_a_network_with_ports_stays(neutron):
    net = neutron.network('10.0.0.0/24')
    port = neutron.make('port', network_id=net['id'])
    assert neutron.refused('DELETE', f'/networks/{net["id"]}') == (409, 'NetworkInUse')
    assert neutron('DELETE', f'/ports/{port["id"]}').status == 204
    assert neutron('DELETE', f'/networks/{net["id"]}').status == 204
    assert neutron('GET', '/subnets').json == {'subnets': []}


def test_a_full_quota_is_a_conflict(neutron):
    assert neutron('PUT', f'/quotas/{MEMBER.project_id}', {'quota': {'network': 1}}, ADMIN).status == 200
    neutron.make('network')
    why = neutron.make('network', 409)
    assert (why['type'], why['message']) == ('OverQuota', "Quota exceeded for resources: ['network'].")


def test_tags_are_set_and_filtered_by(neutron):
    net = neutron.make('network')['id']
    other = neutron.make('network')['id']
    path = f'/networks/{net}/tags'
    assert neutron('PUT', path, {'tags': ['red', 'blue']}).json == {'tags': ['blue', 'red']}
    assert neutron('PUT', path + '/green').status == 201
    assert neutron('GET', path + '/green').status == 204
    assert neutron('DELETE', path + '/green').status == 204
    assert neutron.refused('GET', path + '/green') == (404, 'TagNotFound')
    assert neutron('GET', f'/networks/{net}').json['network']['tags'] == ['blue', 'red']

    def ids(query):
        return [n['id'] for n in neutron('GET', f'/networks?{query}').json['networks']]

    assert ids('tags=red,blue') == [net] and ids('tags=red,green') == []
    assert ids('tags-any=red,green') == [net] and ids('not-tags-any=red') == [other]
    assert neutron.refused('PUT', path, {'tags': 'red'})[0] == 400
    assert neutron.refused('GET', f'/flowers/{net}/tags')[0] == 404
