"""What every filter and weigher keeps to, those of others too: run it over one of your own."""

from typing import Any

from nimbus.scheduler import options, plugins
from nimbus.scheduler.host_cache import HostState
from nimbus.scheduler.request_spec import Request

RICH = Request(
    vcpus=2,
    memory_mb=2048,
    disk_gb=20,
    project_id='p1',
    zone='east',
    avoid=('h1',),
    extra_specs={
        'ssd': 'true',
        'trait:COMPUTE_NODE': 'required',
        'trait:CUSTOM_X': 'forbidden',
        'capabilities:hypervisor_type': 'QEMU',
    },
    image_properties={'os_distro': 'debian', 'hw_architecture': 'x86_64'},
    image_id='i1',
    flavor_name='small',
    hints={'different_host': 's1', 'same_host': 's2', 'build_near_host_ip': '192.0.2.1', 'query': '["=","$host","h2"]'},
    hint_hosts={'different_host': {'h1': 1}, 'same_host': {'h2': 1}},
    group={'id': 'g', 'policy': 'anti-affinity', 'most': 1},
    group_hosts={'h3': 1},
)
PLAIN = Request(vcpus=1, memory_mb=1, disk_gb=0)
SETTINGS = {**options.settings(), 'metrics_weight_setting': ['cpu.percent=1'], 'isolated_images': ['i1']}


def host(number: int) -> HostState:
    """A host that reports; the first has neither facts nor aggregates nor room."""
    state = HostState(f'h{number}', 30, lambda: 100.0)
    state.id, state.node, state.zone, state.generation = f'id{number}', f'n{number}', ('east', 'west')[number % 2], 1
    state.facts = {'hypervisor_type': 'QEMU', 'host_ip': f'192.0.2.{number}'} if number > 1 else {}
    state.vcpus, state.memory_mb, state.disk_gb, state.used_vcpus = number, number * 1024, number * 10, 0
    state.free_vcpus, state.free_memory_mb, state.free_disk_gb = number - 1, (number - 1) * 1024, (number - 1) * 10
    state.seen, state.failed_builds, state.instances, state.io_ops = 100.0, number, number, number
    state.traits = frozenset({'COMPUTE_NODE'} if number > 1 else ())
    state.metrics = {'cpu.percent': float(number)} if number > 1 else {}
    state.join([{'ssd': 'true', 'filter_tenant_id': 'p1', 'instance_type': 'small'}] if number > 1 else [])
    return state


def hosts() -> list[HostState]:
    """A few of them."""
    return [host(number) for number in range(1, 6)]


def check_filter(name: str) -> None:
    """The filter removes hosts and nothing else, gives reasons, and shows users no host.  Raises AssertionError."""
    [made] = plugins.load(plugins.FILTERS, 'the contract', [name], SETTINGS)
    for request in (RICH, PLAIN):
        if not made.applies(request):
            continue
        given = hosts()
        before = [_facts(each) for each in given]
        kept = made.keep(list(given), request)
        assert [_facts(each) for each in given] == before, f'{name} changes hosts'
        assert kept == [each for each in given if made.passes(each, request)], f'{name} keeps what does not pass'
        assert made.keep([], request) == []
        gone = [each for each in given if each not in kept]
        if gone:
            assert made.why(gone, request).strip(), f'{name} gives no reason'
        assert not any(each.host in made.wish(request) for each in given), f'{name} shows users a host'
    made.check({})


def check_weigher(name: str) -> None:
    """The weigher weighs each host, one by one as together, and its scores are of 0 to 1 times its multiplier."""
    [made] = plugins.load(plugins.WEIGHERS, 'the contract', [name], SETTINGS)
    for request in (RICH, PLAIN):
        if not made.applies(request):
            continue
        given = hosts()
        assert made.weights(given, request) == [made.weigh(each, request) for each in given]
        found = made.scores(given, request, frozenset())
        assert len(found) == len(given)
        assert all(0 <= score / (made.multiplier or 1) <= 1 for score in found), f'{name} goes beyond its multiplier'
        assert made.scores(given[:1], request, frozenset()) in ([0.0], [made.multiplier])


def _facts(state: HostState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in state.__slots__}
