"""Uses of the workflow that brings a server away from a host that is down."""

from collections.abc import Callable
from typing import Any

from nimbus.common.agents import services
from nimbus.compute.servers.moves import evacuations, moves
from nimbus.network.ports import ports
from tests.workflows import imaging, scenarios
from tests.workflows.cloud import Cloud
from tests.workflows.harness import Scenario
from tests.workflows.scenarios import as_it_was, rests, runs


def wanted(**more: Any) -> evacuations.Wanted:
    return evacuations.Wanted(down_time=3600, **more)


def force_down(cloud: Cloud, host: str, down: bool = True) -> None:
    """An operator says that the host is down, or that it is not any more."""
    with cloud.db.write() as tx:
        services.change(tx, services.find(tx, host=host, binary='nova-compute')[0].id, forced_down=down)


def cut_off(make: Callable[[Cloud], dict[str, Any]], *, shared: bool = False) -> Callable[[Cloud], dict[str, Any]]:
    """What makes a server whose host is said to be down then."""

    def arrange(cloud: Cloud) -> dict[str, Any]:
        given = make(cloud)
        given['source'] = cloud.row(given['server']).host
        given['addresses'] = addresses(cloud, given['server'])
        if shared:
            cloud.host('h1').share(cloud.host('h2'))
        force_down(cloud, given['source'])
        return given

    return arrange


def addresses(cloud: Cloud, server: str) -> list[Any]:
    with cloud.db.read() as tx:
        return [(port.mac_address, port.fixed_ips) for port in ports.of_server(tx, server)]


def evacuate(cloud: Cloud, given: dict[str, Any]) -> str:
    cloud.ask(evacuations.evacuate, given['server'], wanted())
    return given['server']


def evacuated(state: Callable[..., None]) -> Callable[[Cloud, dict[str, Any], str], None]:
    """It is in the state on the other host with all that it had, and its old host has nothing of it."""

    def check(cloud: Cloud, given: dict[str, Any], server: str) -> None:
        state(cloud, given, server)
        row, held = cloud.row(server), cloud.held()
        assert row.host != given['source'] and (row.fault, row.admin_pass) == (None, None)
        assert server in held['guests'][row.host] and server not in held['guests'][given['source']]
        assert {host for _, _, host in held['ports']} <= {row.host}
        assert {tuple(hosts) for hosts in held['disks'].values()} <= {(row.host,)}
        assert addresses(cloud, server) == given['addresses']
        move = last_move(cloud, server)
        assert (move.kind, move.status, move.target_host) == (moves.EVACUATION, moves.COMPLETED, row.host)
        assert move.disk_kept == (cloud.host(row.host).storage is not None)

    return check


def last_move(cloud: Cloud, server: str) -> Any:
    with cloud.db.read() as tx:
        return moves.find(tx, moves.Wanted({'server_id': server}))[-1]


SCENARIOS = [
    *imaging.SCENARIOS,
    Scenario('evacuate_server', cut_off(scenarios.rich_server), evacuate, evacuated(runs), as_it_was(runs)),
    Scenario('evacuate_server', cut_off(scenarios.stopped_server), evacuate, evacuated(rests), as_it_was(rests)),
    Scenario(
        'evacuate_server', cut_off(scenarios.rich_server, shared=True), evacuate, evacuated(runs), as_it_was(runs)
    ),
]
