"""A server finds a host, or hears which filter removed how many and why."""

import datetime
import threading

import pytest
import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.common.clock import Clock
from nimbus.compute.hosts import aggregates
from nimbus.scheduler import claims, hosts
from nimbus.scheduler.manager import SchedulerServer
from nimbus.scheduler.models import Claim, Host
from nimbus.scheduler.request_spec import Request
from tests.conftest import MEMBER

KIND = services.Kind('compute', 'nova-compute')


def facts(vcpus: int = 8, memory_mb: int = 8192, disk_gb: int = 100, **more) -> dict:
    return {
        'hypervisor_hostname': 'node',
        'hypervisor_type': 'QEMU',
        'vcpus': vcpus,
        'memory_mb': memory_mb,
        'disk_gb': disk_gb,
        **more,
    }


def known(database, name: str, zone: str = 'nova', **more) -> str:
    with database.write() as tx:
        services.report(tx, KIND, name, {})
        return hosts.report(tx, name, facts(**more), zone)


def wish(vcpus: int = 1, memory_mb: int = 1024, disk_gb: int = 10, **more) -> dict:
    return {'vcpus': vcpus, 'memory_mb': memory_mb, 'disk_gb': disk_gb, **more}


@pytest.fixture
def scheduler(database):
    return SchedulerServer(database)


def refusal(scheduler, **more) -> str:
    with pytest.raises(errors.NoValidHost) as why:
        scheduler.place(MEMBER, 'refused', wish(**more))
    return str(why.value.inside)


def test_the_host_with_most_free_memory_is_taken_and_claimed(database, scheduler):
    known(database, 'h1', memory_mb=4096)
    known(database, 'h2', memory_mb=16384)
    found = scheduler.place(MEMBER, 's1', wish(vcpus=2))
    assert (found['host'], found['node'], found['zone']) == ('h2', 'node', 'nova')
    with database.read() as tx:
        row = hosts.named(tx, 'h2')
        assert (row.used_vcpus, row.used_memory_mb, row.used_disk_gb) == (2, 1024, 10)
        assert claims.of(tx, 's1').host == 'h2'


def test_placing_twice_claims_once(database, scheduler):
    known(database, 'h1')
    assert scheduler.place(MEMBER, 's1', wish())['host'] == scheduler.place(MEMBER, 's1', wish())['host']
    with database.read() as tx:
        assert hosts.named(tx, 'h1').used_vcpus == 1


def test_a_released_claim_makes_room_again(database, scheduler):
    known(database, 'h1', vcpus=1, ratios={'vcpus': 1.0})
    scheduler.place(MEMBER, 's1', wish())
    assert 'CoreFilter removed 1 (needs 1 vCPUs; the nearest, h1, has 0 free)' in refusal(scheduler)
    scheduler.release(MEMBER, 's1')
    scheduler.release(MEMBER, 's1')
    assert scheduler.place(MEMBER, 's2', wish())['host'] == 'h1'


def test_the_refusal_names_each_filter_and_the_nearest_host(database, scheduler):
    known(database, 'h1', memory_mb=2048)
    known(database, 'h2', memory_mb=4096)
    known(database, 'h3', memory_mb=65536)
    with database.write() as tx:
        long_ago = Clock().now() - datetime.timedelta(seconds=95)
        tx.update(services.Service, services.Service.host == 'h3', seen_at=long_ago)
    assert refusal(scheduler, memory_mb=8192) == (
        'No valid host was found. 3 hosts: ComputeFilter removed 1 (h3 has not reported for 95 s), '
        'RamFilter removed 2 (needs 8192 MiB; the nearest, h2, has 4096 free).'
    )


def test_a_user_reads_which_wishes_could_not_be_met_and_nothing_of_hosts(database, scheduler):
    known(database, 'h1', memory_mb=2048, vcpus=4)
    known(database, 'h2', memory_mb=4096, zone='west')
    with pytest.raises(errors.NoValidHost) as why:
        scheduler.place(MEMBER, 'refused', wish(memory_mb=8192, vcpus=1, zone='west'))
    assert why.value.sentence == (
        'No valid host was found. No host has all of this at present: a host of zone west; 8192 MiB of memory.'
    )


def test_without_any_host_the_refusal_says_so(scheduler):
    assert refusal(scheduler) == 'No valid host was found. No compute host has reported yet.'


def test_reserves_and_ratios_bound_what_is_claimed(database, scheduler):
    known(
        database, 'h1', vcpus=2, memory_mb=4096, reserved={'memory_mb': 512}, ratios={'memory_mb': 1.5, 'vcpus': 16.0}
    )
    assert scheduler.place(MEMBER, 's1', wish(vcpus=32, memory_mb=5376))['host'] == 'h1'
    assert 'has 0 free' in refusal(scheduler, memory_mb=1)


def test_a_zone_is_kept_to(database, scheduler):
    known(database, 'h1', zone='west')
    known(database, 'h2', zone='east', memory_mb=1024)
    assert scheduler.place(MEMBER, 's1', wish(zone='east'))['host'] == 'h2'
    assert 'asked for zone north; they stand in east, west' in refusal(scheduler, zone='north')


def test_a_named_host_is_taken_though_disabled_and_never_when_down(database, scheduler):
    known(database, 'h1')
    known(database, 'h2', memory_mb=65536)
    with database.write() as tx:
        tx.update(services.Service, services.Service.host == 'h1', disabled=True)
    assert scheduler.place(MEMBER, 's1', wish(host='h1'))['host'] == 'h1'
    with database.write() as tx:
        tx.update(services.Service, services.Service.host == 'h1', forced_down=True)
    assert 'ComputeFilter removed 1 (h1 is forced down)' in refusal(scheduler, host='h1')
    assert 'none is named h9' in refusal(scheduler, host='h9')


def test_a_host_disabled_a_moment_ago_is_passed_over_by_the_claim_itself(database, scheduler):
    known(database, 'h1', memory_mb=65536)
    known(database, 'h2')
    scheduler.place(MEMBER, 's1', wish())
    with database.write() as tx:
        tx.update(services.Service, services.Service.host == 'h1', disabled=True)
    assert scheduler.place(MEMBER, 's2', wish())['host'] == 'h2'


def test_a_host_that_refused_is_avoided(database, scheduler):
    known(database, 'h1', memory_mb=65536)
    known(database, 'h2')
    assert scheduler.place(MEMBER, 's1', wish(avoid=['h1']))['host'] == 'h2'
    assert 'RetryFilter removed 2 (h1, h2 refused the server before, or may still run its guest)' in refusal(
        scheduler, avoid=['h1', 'h2']
    )


@pytest.mark.parametrize(
    'properties, fits',
    [
        ({'hw_architecture': 'x86_64', 'img_hv_type': 'qemu', 'hw_vm_mode': 'hvm'}, True),
        ({'architecture': 'amd64'}, True),
        ({'hw_architecture': 'aarch64'}, False),
        ({'img_hv_type': 'xen'}, False),
        ({'vm_mode': 'xen'}, False),
    ],
)
def test_an_image_goes_where_it_can_run(database, scheduler, properties, fits):
    known(database, 'h1')
    if fits:
        assert scheduler.place(MEMBER, 's1', wish(image_properties=properties))
    else:
        assert 'ImagePropertiesFilter removed 1 (the image asks for' in refusal(scheduler, image_properties=properties)


@pytest.mark.parametrize(
    'specs, fits',
    [
        ({'capabilities:hypervisor_type': 'QEMU'}, True),
        ({'capabilities:hypervisor_type': 's== KVM'}, False),
        ({'capabilities:hypervisor_version': '>= 7000000'}, True),
        ({'capabilities:hypervisor_version': '< 1'}, False),
        ({'capabilities:cpu_info:vendor': '<or> AMD <or> Intel'}, True),
        ({'hypervisor_type': '<in> EM'}, True),
        ({'hw:cpu_policy': 'dedicated'}, True),
        ({'capabilities:ssd': 'true'}, False),
    ],
)
def test_a_flavor_may_ask_for_capabilities(database, scheduler, specs, fits):
    known(database, 'h1', hypervisor_version=7002000, cpu_info={'vendor': 'Intel'})
    if fits:
        assert scheduler.place(MEMBER, 's1', wish(extra_specs=specs))
    else:
        assert 'ComputeCapabilitiesFilter removed 1' in refusal(scheduler, extra_specs=specs)


def test_an_unknown_filter_is_named_and_stops_the_start(database):
    with pytest.raises(LookupError, match=r'enabled_filters names NoSuchFilter.*RamFilter'):
        SchedulerServer(database, filters=['RamFilter', 'NoSuchFilter'])


def test_racing_schedulers_never_overrun_a_host(database):
    known(database, 'h1', vcpus=10, memory_mb=65536, disk_gb=1000, ratios={'vcpus': 1.0})
    schedulers = [SchedulerServer(database) for _ in range(3)]
    won, lost = [], []

    def race(number: int) -> None:
        try:
            won.append(schedulers[number % 3].place(MEMBER, f's{number}', wish()))
        except errors.NoValidHost:
            lost.append(number)

    threads = [threading.Thread(target=race, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (10, 20)
    with database.read() as tx:
        assert hosts.named(tx, 'h1').used_vcpus == 10


def test_one_server_placed_by_many_at_once_has_one_claim(database):
    for name in ('h1', 'h2', 'h3'):
        known(database, name)
    schedulers = [SchedulerServer(database) for _ in range(4)]
    found = []
    threads = [
        threading.Thread(target=lambda s=s: found.append(s.place(MEMBER, 's1', wish())['host'])) for s in schedulers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1
    with database.read() as tx:
        assert tx.scalar(sa.select(sa.func.count()).select_from(Claim)) == 1
        assert sum(row.used_vcpus for row in hosts.list(tx)) == 1


def test_heal_gives_back_orphans_and_mends_counters(database, scheduler):
    known(database, 'h1')
    for server in ('s1', 's2'):
        scheduler.place(MEMBER, server, wish())
    with database.write() as tx:
        tx.update(Claim, Claim.server_id == 's2', created_at=datetime.datetime(2020, 1, 1))
        tx.update(Host, Host.host == 'h1', used_memory_mb=7)
        mended = claims.heal(tx, {'s1'})
    assert len(mended) == 2 and 's2' in mended[0] and 'h1' in mended[1]
    with database.write() as tx:
        assert hosts.named(tx, 'h1').used_memory_mb == 1024
        assert claims.heal(tx, {'s1'}) == []


def test_a_young_claim_is_no_orphan_yet(database, scheduler):
    known(database, 'h1')
    scheduler.place(MEMBER, 's1', wish())
    with database.write() as tx:
        assert claims.heal(tx, set()) == []


def test_a_host_is_forgotten_only_when_nothing_is_claimed_of_it(database, scheduler):
    known(database, 'h1')
    scheduler.place(MEMBER, 's1', wish())
    with pytest.raises(errors.Conflict), database.write() as tx:
        hosts.forget(tx, 'h1')
    scheduler.release(MEMBER, 's1')
    with database.write() as tx:
        hosts.forget(tx, 'h1')
        hosts.forget(tx, 'h1')
    assert 'No compute host has reported yet' in refusal(scheduler)


def test_a_report_that_says_nothing_new_writes_nothing(database):
    known(database, 'h1')
    with database.read() as tx:
        before = hosts.named(tx, 'h1')
    known(database, 'h1', memory_used_mb=77)
    with database.read() as tx:
        assert hosts.named(tx, 'h1') == before


def test_a_request_without_a_number_is_refused():
    with pytest.raises(errors.Invalid, match='vcpus'):
        Request.from_dict({'memory_mb': 1, 'disk_gb': 1})


def test_what_a_project_holds_is_summed_up(database, scheduler):
    known(database, 'h1')
    for number, user in enumerate(('u1', 'u1', 'u2')):
        scheduler.place(MEMBER, f's{number}', wish(project_id='p1', user_id=user))
    scheduler.place(MEMBER, 's9', wish(project_id='p2', user_id='u1'))
    with database.read() as tx:
        assert claims.used_by(tx, 'p1') == {'vcpus': 3, 'memory_mb': 3072, 'disk_gb': 30}
        assert claims.used_by(tx, 'p1', 'u2') == {'vcpus': 1, 'memory_mb': 1024, 'disk_gb': 10}
        assert claims.used_by(tx, 'p3') == {'vcpus': 0, 'memory_mb': 0, 'disk_gb': 0}


def test_an_aggregates_zone_is_the_hosts_from_the_next_placement_on(database, scheduler):
    known(database, 'h1')
    assert scheduler.place(MEMBER, 's0', wish())['zone'] == 'nova'
    scheduler.release(MEMBER, 's0')
    changes = (
        ('rack', lambda tx, one: aggregates.add_host(tx, one, 'h1')),
        ('hall', lambda tx, one: aggregates.change(tx, one, properties={aggregates.ZONE: 'hall'})),
        ('nova', lambda tx, one: aggregates.remove_host(tx, one, 'h1')),
    )
    with database.write() as tx:
        number = aggregates.create(tx, 'rack', 'rack').seq
    for server, (zone, change) in enumerate(changes, 1):
        with database.write() as tx:
            change(tx, number)
        assert scheduler.place(MEMBER, f's{server}', wish(zone=zone))['zone'] == zone
        scheduler.release(MEMBER, f's{server}')


def test_no_server_goes_from_one_zone_to_another(database, scheduler):
    known(database, 'h1')
    with database.write() as tx:
        rack, plain, other = (aggregates.create(tx, name, zone).seq for name, zone in
                              (('rack', 'rack'), ('plain', None), ('other', 'other')))  # fmt: skip
        aggregates.add_host(tx, rack, 'h1')
    scheduler.place(MEMBER, 's1', wish())
    zone = {aggregates.ZONE: 'other'}
    refused = (
        (errors.Conflict, 'zone would change from rack to nova', lambda tx: aggregates.remove_host(tx, rack, 'h1')),
        (
            errors.Invalid,
            'zone would change from rack to other',
            lambda tx: aggregates.change(tx, rack, properties=zone),
        ),
        (errors.Conflict, 'it is in the zone rack already', lambda tx: aggregates.add_host(tx, other, 'h1')),
        (errors.Invalid, 'already in availability zone', lambda tx: aggregates.change(tx, plain, properties=zone)),
        (errors.Invalid, 'cannot be empty', lambda tx: aggregates.change(tx, rack, properties={aggregates.ZONE: None})),
    )
    with database.write() as tx:
        aggregates.add_host(tx, plain, 'h1')  # which says nothing of zones
        aggregates.change(tx, rack, name='cage', properties={'a': 'b', aggregates.ZONE: 'rack'})
    for kind, sentence, change in refused:
        with pytest.raises(kind, match=sentence), database.write() as tx:
            change(tx)
    with database.read() as tx:
        assert hosts.named(tx, 'h1').zone == 'rack' and aggregates.zones(tx) == {'h1': 'rack'}
