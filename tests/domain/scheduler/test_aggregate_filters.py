"""Hosts are kept for what their aggregates say."""

import pytest

from nimbus.compute.hosts import aggregates
from nimbus.scheduler import hosts
from tests.conftest import MEMBER
from tests.domain.scheduler.world import fitting, grouped, known, refusal, serving, wish

EXTRA, TENANT = 'AggregateInstanceExtraSpecsFilter', 'AggregateMultiTenancyIsolation'
IMAGES, TYPES = 'AggregateImagePropertiesIsolation', 'AggregateTypeAffinityFilter'


@pytest.fixture
def three(database):
    for name in ('h1', 'h2', 'h3'):
        known(database, name)
    return database


@pytest.mark.parametrize(
    'specs, found',
    [
        ({}, ['h1', 'h2', 'h3']),
        ({'ssd': 'true'}, ['h1']),
        ({'aggregate_instance_extra_specs:ssd': 'true'}, ['h1']),
        ({'capabilities:ssd': 'true'}, ['h1', 'h2', 'h3']),
        ({'aggregate_instance_extra_specs:ssd': 'false'}, ['h2']),
        ({'speed': '= 5'}, ['h1']),
        ({'speed': '<= 5'}, ['h2']),
        ({'speed': '>= 3'}, ['h1', 'h2']),
        ({'speed': '== 3'}, ['h2']),
        ({'speed': '!= 3'}, ['h1']),
        ({'kind': 's== fast'}, ['h1']),
        ({'kind': 's!= fast'}, ['h1', 'h2']),
        ({'kind': 's< g'}, ['h1', 'h2']),
        ({'kind': 's<= dear'}, ['h1', 'h2']),
        ({'kind': 's> e'}, ['h1']),
        ({'kind': 's>= fast'}, ['h1']),
        ({'kind': '<in> as'}, ['h1']),
        ({'kind': '<all-in> f s'}, ['h1']),
        ({'kind': '<or> slow <or> cheap'}, ['h2']),
        ({'kind': 'cheap', 'speed': '9'}, []),
        ({'speed': '= many'}, []),
        ({'none': 'x'}, []),
    ],
)
def test_a_flavor_asks_for_what_aggregates_have(three, specs, found):
    grouped(three, 'h1', ssd='true', speed='7', kind='fast, dear')
    grouped(three, 'h2', ssd='false', speed='3', kind='cheap')
    scheduler = serving(three, ['RetryFilter', EXTRA])
    assert fitting(scheduler, extra_specs=specs) == found


def test_the_refusal_names_what_the_aggregates_lack(three):
    grouped(three, 'h1', ssd='false')
    said = refusal(serving(three, [EXTRA]), extra_specs={'ssd': 'true'})
    assert 'AggregateInstanceExtraSpecsFilter removed 3 (the aggregates of h1 do not satisfy ssd true)' in said


def test_hosts_are_kept_for_the_projects_that_their_aggregates_name(three):
    grouped(three, 'h1', filter_tenant_id='p1, p2')
    grouped(three, 'h2', filter_tenant_id3='p3')
    scheduler = serving(three, ['RetryFilter', TENANT])
    found = {project: fitting(scheduler, project_id=project) for project in ('p1', 'p2', 'p3', 'p4')}
    assert found == {'p1': ['h1', 'h3'], 'p2': ['h1', 'h3'], 'p3': ['h2', 'h3'], 'p4': ['h3']}


def test_hosts_are_kept_for_images_with_the_properties_that_their_aggregates_name(three):
    grouped(three, 'h1', os_distro='windows,debian')
    grouped(three, 'h2', os_distro='debian')
    scheduler = serving(three, ['RetryFilter', IMAGES])
    assert fitting(scheduler, image_properties={'os_distro': 'windows'}) == ['h1', 'h3']
    assert fitting(scheduler, image_properties={'os_distro': 'fedora'}) == ['h3']
    assert fitting(scheduler, image_properties={'os_type': 'linux'}) == ['h1', 'h2', 'h3']
    assert fitting(scheduler) == ['h1', 'h2', 'h3']


def test_a_namespace_leaves_other_properties_of_images_alone(three):
    grouped(three, 'h1', **{'os.distro': 'windows', 'colour': 'blue'})
    scheduler = serving(three, ['RetryFilter', IMAGES], aggregate_image_properties_isolation_namespace='os')
    assert fitting(scheduler, image_properties={'colour': 'red'}) == ['h1', 'h2', 'h3']
    assert fitting(scheduler, image_properties={'os.distro': 'debian'}) == ['h2', 'h3']


def test_hosts_are_kept_for_the_flavors_that_their_aggregates_name(three):
    grouped(three, 'h1', instance_type='small, large')
    scheduler = serving(three, ['RetryFilter', TYPES])
    assert fitting(scheduler, flavor_name='large') == ['h1', 'h2', 'h3']
    assert fitting(scheduler, flavor_name='huge') == ['h2', 'h3']


def test_what_an_aggregate_says_is_in_force_at_the_next_placement(three):
    scheduler = serving(three, ['RetryFilter', TENANT])
    assert fitting(scheduler, project_id='p2') == ['h1', 'h2', 'h3']
    number = grouped(three, 'h1', filter_tenant_id='p1')
    assert fitting(scheduler, project_id='p2') == ['h2', 'h3']
    with three.write() as tx:
        aggregates.add_host(tx, number, 'h2')
    assert fitting(scheduler, project_id='p2') == ['h3']
    with three.write() as tx:
        aggregates.change(tx, number, properties={'filter_tenant_id': None})
    assert fitting(scheduler, project_id='p2') == ['h1', 'h2', 'h3']


def test_the_lowest_ratio_of_its_aggregates_bounds_what_is_claimed_of_a_host(database):
    known(database, 'h1', vcpus=2, memory_mb=65536, ratios={'vcpus': 1.0, 'memory_mb': 1.0})
    scheduler = serving(database, ['CoreFilter', 'RamFilter'])
    assert 'CoreFilter removed 1' in refusal(scheduler, vcpus=3)
    first = grouped(database, 'h1', cpu_allocation_ratio='4.0')
    assert scheduler.place(MEMBER, 's1', wish(vcpus=8))['host'] == 'h1'
    scheduler.release(MEMBER, 's1')
    grouped(database, 'h1', cpu_allocation_ratio='2.0', ram_allocation_ratio='many', disk_allocation_ratio='-1')
    assert 'the nearest, h1, has 4 free' in refusal(scheduler, vcpus=5)
    known(database, 'h1', vcpus=2, memory_mb=65536, ratios={'vcpus': 1.0, 'memory_mb': 1.0})
    with database.write() as tx:
        aggregates.remove_host(tx, first, 'h1')
    assert 'the nearest, h1, has 4 free' in refusal(scheduler, vcpus=5)


def test_what_is_placed_stays_when_ratios_shrink_and_the_host_is_named_as_over(database):
    known(database, 'h1', vcpus=2, ratios={'vcpus': 4.0})
    scheduler = serving(database, ['CoreFilter'])
    scheduler.place(MEMBER, 's1', wish(vcpus=8, memory_mb=1024))
    known(database, 'h1', vcpus=2, ratios={'vcpus': 1.0}, reserved={'memory_mb': 8000})
    with database.read() as tx:
        assert [(row.host, name, most) for row, name, most in hosts.over(tx)] == [
            ('h1', 'vcpus', 2),
            ('h1', 'memory_mb', 192),
        ]
    assert 'CoreFilter removed 1' in refusal(scheduler)
    scheduler.release(MEMBER, 's1')
    with database.read() as tx:
        assert hosts.over(tx) == []
