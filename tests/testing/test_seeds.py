"""Seed files: their mistakes told by line, what they plant, and a cloud written as one."""

import pytest
import yaml

from nimbus.testing.seeds import dump, files, planter, rest
from tests.cloud import Cloud
from tests.testing.ways import way_to

WHOLE = """
hosts:
- {name: h1, zone: east, vcpus: 64, memory_mb: 262144, disk_gb: 4096}
- {name: h2, zone: west, vcpus: 64, memory_mb: 262144, disk_gb: 4096}
roles:
- name: auditor
projects:
- name: blue
  description: a team
  quotas:
    compute: {instances: 33, cores: 77}
    network: {network: 7}
    volume: {volumes: 5}
users:
- name: ann
  project: blue
  email: ann@example.org
  roles: {blue: [member, auditor]}
flavors:
- {name: small, id: s1, ram: 128, vcpus: 1, disk: 1, extra_specs: {'hw:cpu_policy': shared}}
- {name: large, id: l1, ram: 256, vcpus: 2, disk: 2, swap: 64, ephemeral: 1}
- {name: own, id: o1, ram: 256, vcpus: 1, disk: 1, public: false, projects: [blue]}
images:
- {name: base, disk_format: raw, container_format: bare, visibility: public, bytes: 65536, properties: {os_type: linux}}
- {name: awaited, project: blue, disk_format: qcow2, container_format: bare, visibility: private, bytes: 0, tags: [t]}
networks:
- name: lan
  project: blue
  subnets:
  - {name: lan4, cidr: 10.1.0.0/24, dhcp: true, gateway: 10.1.0.1, dns_servers: [9.9.9.9],
     pools: [[10.1.0.10, 10.1.0.99]]}
- name: outside
  external: true
  subnets:
  - {name: out4, cidr: 172.24.4.0/24, dhcp: false, gateway: 172.24.4.1, pools: [[172.24.4.2, 172.24.4.254]]}
routers:
- {name: r, project: blue, external: outside, subnets: [lan4]}
servers:
- {name: works, project: blue, user: ann, flavor: small, image: base, networks: [lan], metadata: {a: b}, state: ACTIVE}
- {name: 'off', project: blue, user: ann, flavor: small, image: base, networks: [lan], state: SHUTOFF}
- {name: halts, project: blue, user: ann, flavor: small, image: base, state: PAUSED}
- {name: sleeps, project: blue, user: ann, flavor: small, image: base, state: SUSPENDED}
- {name: mends, project: blue, user: ann, flavor: small, image: base, state: RESCUE}
- {name: away, project: blue, user: ann, flavor: small, image: base, state: SHELVED_OFFLOADED}
- {name: grows, project: blue, user: ann, flavor: small, image: base, state: VERIFY_RESIZE, resized_to: large}
- {name: broken, project: blue, user: ann, flavor: small, image: base, state: ERROR}
"""


def test_a_cloud_that_was_planted_is_written_as_the_file_it_came_from(tmp_path):
    seed = files.parse(WHOLE)
    for name in ('first', 'second'):
        (tmp_path / name).mkdir()
    with Cloud(tmp_path / 'first', hosts=2) as cloud:
        planter.plant(way_to(cloud), seed)
        written = dump.dump(way_to(cloud))
        assert states_of(cloud)['grows'] == ('VERIFY_RESIZE', 'large')
        seed = confirmed(seed)
        assert in_order(written) == in_order(seed)
        planter.plant(way_to(cloud), seed)
        assert in_order(dump.dump(way_to(cloud))) == in_order(seed)
    with Cloud(tmp_path / 'second', hosts=2) as cloud:
        planter.plant(way_to(cloud), files.parse(dump.text_of(written)))
        assert in_order(dump.dump(way_to(cloud))) == in_order(seed)


def states_of(cloud):
    rows = cloud.client('admin').get('compute', '/servers/detail?all_tenants=true', '2.79')['servers']
    return {row['name']: (row['status'], row['flavor']['original_name']) for row in rows}


def confirmed(seed):
    """The seed as a cloud shows it, which does not tell the flavor that a resized server had before."""
    seed = yaml.safe_load(dump.text_of(seed))
    for row in seed['servers']:
        if row['state'] == 'VERIFY_RESIZE':
            row |= {'flavor': row.pop('resized_to'), 'state': 'ACTIVE'}
    return seed


def in_order(seed):
    """The seed with each kind's rows, and the roles of users, in one order."""
    found = yaml.safe_load(dump.text_of(seed))
    for rows in found.values():
        rows.sort(key=lambda row: row['name'])
        for row in rows:
            for roles in row.get('roles', {}).values():
                roles.sort()
    return found


def test_what_devstack_has_can_be_read_and_names_only_what_is_there():
    seed = files.read('devstack')
    assert [row['name'] for row in seed['users']] == ['demo', 'alt_demo']
    assert files.names() == ['devstack']


@pytest.mark.parametrize(
    'text, told',
    [
        ('projects:\n- name: a\n  nmae: b\n', "s:2: projects.0: Additional properties are not allowed ('nmae'"),
        ('flavors:\n- name: f\n  ram: much\n  vcpus: 1\n  disk: 1\n', 's:3: flavors.0.ram: "much" is not of type'),
        ('projects:\n- description: none\n', 's:2: projects.0: "name" is a required property'),
        ('projects: [\n', 's:2: expected the node content'),
        ('- a\n', 's:1: ["a"] is not of type "object"'),
        ('projects:\n- name: a\n- name: a\n', 's:3: there is another project a'),
        ('users:\n- name: u\n  project: nowhere\n', 's:3: there is no project nowhere in this file; there are admin'),
        ('users:\n- name: u\n  roles:\n    admin: [king]\n', 's:4: there is no role king in this file'),
        ('users:\n- name: u\n  roles:\n    nowhere: [member]\n', 's:4: there is no project nowhere in this file'),
        (
            'servers:\n- {name: s, project: admin, flavor: f, image: i, state: HAPPY}\n',
            's:2: servers.0.state: "HAPPY" is not one of "ACTIVE", "SHUTOFF"',
        ),
        ('a: &a [*a]\n', 's:1:'),
        ('projects: !!python/name:os.system\n', 's:1: could not determine a constructor'),
        ('1: 2\n', 's:1:'),
    ],
)
def test_a_mistake_is_told_with_its_line(text, told):
    with pytest.raises(files.BadSeed) as why:
        files.parse(text, 's')
    assert str(why.value).startswith(told)


@pytest.mark.parametrize('given', ['12345678', '[hunter2]', '{a: hunter2}'])
def test_a_password_that_is_no_text_is_not_told_again(given):
    with pytest.raises(files.BadSeed) as why:
        files.parse(f'users:\n  - {{name: ann, password: {given}}}\n')
    told = 'seed:2: users.0.password: it is no text, or an empty one; a password of digits stands in quotes.'
    assert str(why.value) == told


def test_every_mistake_is_told_at_once_but_not_more_than_can_be_read():
    with pytest.raises(files.BadSeed) as why:
        files.parse('projects:\n' + '- {}\n' * 30, 's')
    lines = str(why.value).splitlines()
    assert len(lines) == files.MOST_ERRORS and lines[1].startswith('s:3: projects.1: "name"')


def test_a_seed_that_is_not_there_is_told_with_those_that_are(tmp_path):
    with pytest.raises(files.BadSeed, match='is neither devstack nor a file that can be read: No such file'):
        files.read(str(tmp_path / 'none.yaml'))
    (tmp_path / 'bytes').write_bytes(b'\xff\xfe')
    with pytest.raises(files.BadSeed, match='it is not text in UTF-8'):
        files.read(str(tmp_path / 'bytes'))


def test_what_the_cloud_refuses_is_told_with_its_answer(tmp_path):
    with Cloud(tmp_path) as cloud, pytest.raises(rest.Failed, match='POST /v2.0/subnets of network: 400 .*cidr'):
        subnet = {'name': 'x', 'cidr': 'nonsense'}
        planter.plant(way_to(cloud), {'networks': [{'name': 'n', 'subnets': [subnet]}]})
