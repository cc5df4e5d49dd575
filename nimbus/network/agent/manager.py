"""The network agent: asks the desk for its host's desired state, applies it, and reports the outcome.

It keeps nothing that it could not ask for anew.  A nudge makes it look at
once; without one it looks every few seconds, and compares the host with what
it should be every half minute even if nothing changed, so that what somebody
broke is mended.  It gets what changed since the generation it holds, and
everything at its start, when differences are not known or do not fit, and
every half minute in which something changed.  While the desk is away it keeps
the host in the last desired state it got.
"""

import dataclasses
import logging
import threading
from typing import Any

from nimbus.common import failpoints
from nimbus.common.agents.desk import Heartbeat
from nimbus.common.clock import Clock
from nimbus.common.context import Context
from nimbus.common.errors import NimbusError
from nimbus.network.agent.desired_state import DesiredState
from nimbus.network.agent.driver import Desired, Driver
from nimbus.network.rpc import BINARIES, TUNNELS, NetworkAgent

LOG = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds between tries while the host gives trouble
MAX_FAILURES = 3  # failed tries before ports that wait are reported as failed: a switch restarts in less
DEPTH = 2  # a port names groups, and their rules name others
UNKNOWN = -1  # a generation that no host ever has


@dataclasses.dataclass(frozen=True)
class Timing:
    """How often, in seconds."""

    poll: float = 3
    apart: float = 0.05  # between two looks, so that a burst of changes costs few; the first is looked at at once
    watch: float = 0.5  # how often it is seen whether the switch began anew
    resync: float = 30
    report: float = 10


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome to report: which ports are wired at which generation, and which cannot be."""

    generation: int
    wired: frozenset[str]
    trouble: dict[str, str]

    def other_than(self, before: 'Outcome') -> set[str]:
        """The ports of which this reports something else."""
        wrong = dict(self.trouble.items() ^ before.trouble.items())
        return set(self.wired ^ before.wired) | set(wrong)


class Agent(NetworkAgent):
    """The network of one host."""

    def __init__(
        self, driver: Driver, desk: Any, host: str, pace: Timing | None = None, clock: Clock | None = None
    ) -> None:
        """`desk` speaks NetworkDesk."""
        self.driver, self.desk, self.host = driver, desk, host
        self.pace, self.clock = pace or Timing(), clock or Clock()
        self._held, self._sure = DesiredState(), False  # unsure: the desired state may lack something
        self._whole = UNKNOWN  # the generation at which everything was sent last
        self._desired: Desired | None = None
        self._touched: set[str] | None = None  # ports to report since the last report; None: all
        self._opened, self._failures, self._why = False, 0, ''
        self._life: object = None  # of the switch, when the host was made to look right
        self._synced: float | None = None  # when the host was last made to look right
        self._reported: Outcome | None = None  # what was last reported
        self._reported_at = 0.0  # when all ports were last reported
        self._wired: set[str] = set()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name='network-agent', daemon=True)
        self._hearts = [Heartbeat(desk, host, name, self._facts_of(name), self.pace.report) for name in BINARIES]

    def start(self) -> None:
        """The host is being looked after from now on."""
        self._thread.start()
        for heart in self._hearts:
            heart.start()

    def stop(self) -> None:
        """The agent's threads are gone; what it wired stays."""
        for heart in self._hearts:
            heart.stop()
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(30)
        self.driver.close()

    def nudge(self, context: Context) -> None:
        self._wake.set()

    def forget(self) -> None:
        """All of the desired state is asked for anew: the database was put back to an earlier state."""
        self._sure, self._reported = False, None
        self._wake.set()

    def current(self) -> Desired | None:
        """The desired state that the host has last got; the metadata listener reads it."""
        return self._desired

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            began = self.clock.monotonic()
            try:
                pause = self.turn()
            except Exception:  # the one thread that mends the host must outlive whatever it meets
                LOG.exception('The network of %s could not be brought to its desired state', self.host)
                pause = self._failed('An unexpected error happened; see the log of the network agent.')
            self._wait(pause)
            self._stop.wait(self.pace.apart - (self.clock.monotonic() - began))

    def _wait(self, pause: float) -> None:
        """The time is over, a nudge came, or the switch restarted and has lost everything."""
        until = self.clock.monotonic() + pause
        while (left := until - self.clock.monotonic()) > 0:
            if self._wake.wait(min(left, self.pace.watch)) or self._reborn():
                return

    def _reborn(self) -> bool:
        life = self.driver.life()
        return self._synced is not None and not self._failures and life is not None and life != self._life

    def turn(self) -> float:
        """Look once: ask, apply if there is reason to, report; returns the seconds until the next look."""
        late = self._synced is None or self.clock.monotonic() - self._synced >= self.pace.resync or self._reborn()
        news = self._ask(late)
        if self._desired is None:
            return self.pace.poll
        if news or late or self._failures:
            try:
                trouble = self._apply(self._desired, late)
            except OSError as why:
                return self._failed(str(why) or type(why).__name__)
            self._report(self._outcome(self._desired, trouble))
            if trouble:
                return self._pause_after_failure()
            self._failures, self._why = 0, ''
        elif self._reported is None or self.clock.monotonic() - self._reported_at >= self.pace.resync:
            self._report(self._outcome(self._desired, {}))
        return self.pace.poll

    def _ask(self, late: bool) -> bool:
        """Whether the desk had something new; while it is away nothing is new."""
        everything = not self._sure or late and self._held.generation != self._whole
        try:
            if not self._take(UNKNOWN if everything else self._held.generation, []):
                return False
            for _ in range(DEPTH):
                if missing := self._held.missing():
                    self._take(self._held.generation, missing)
            if self._held.missing():  # gone between two answers
                self._take(UNKNOWN, [])
        except NimbusError as why:
            LOG.warning('The desired state of the network of %s cannot be asked for: %s', self.host, why)
            return False
        self._sure, self._desired = True, self._held.desired()
        return True

    def _take(self, since: int, also: list[list[str]]) -> bool:
        """Whether the desk sent anything, which is held now; the state is unsure until it is complete."""
        given = self.desk.desired(self.host, since, also)
        if given is None:
            return False
        self._sure = False
        self._held.take(given)
        if given['whole']:
            self._whole, self._touched = given['generation'], None
        elif self._touched is not None:
            self._touched |= set(given.get('ports', ()))
        return True

    def _apply(self, desired: Desired, late: bool) -> dict[str, str]:
        if not self._opened:
            self.driver.open()
            self._opened = True
        life = self.driver.life()
        failpoints.hit('network.apply.before')
        trouble = self.driver.apply(desired)
        failpoints.hit('network.apply.after')
        for name, why in trouble.items():
            LOG.warning('%s could not be wired on %s: %s', name, self.host, why)
        if late or self._touched is None or trouble or self._failures:
            self._wired = self.driver.wired()
        else:
            self._wired = self._wired - self._touched | self.driver.wired(self._touched)
        if late:
            self._synced, self._life = self.clock.monotonic(), life
        return trouble

    def _outcome(self, desired: Desired, trouble: dict[str, str]) -> Outcome:
        """Guests' ports as the host has them; the network service's own stand where nothing is wrong."""
        wrong = dict(trouble)
        own = [network.dhcp_port_id for network in desired.networks if network.dhcp_port_id]
        for router in desired.routers:
            for port_id in [*(port.port_id for port in router.every_port), *(one.port_id for one in router.floating)]:
                own.append(port_id)
                if router.id in trouble:
                    wrong[port_id] = trouble[router.id]
            wrong.pop(router.id, None)
        wired = {port.id for port in desired.ports} & self._wired | set(own)
        return Outcome(desired.generation, frozenset(wired - set(wrong)), wrong)

    def _failed(self, why: str) -> float:
        """Nothing could be applied; ports that wait are reported once that has lasted a while."""
        LOG.warning('The network of %s cannot be changed: %s', self.host, why)
        self._why, self._opened = why, False
        pause = self._pause_after_failure()
        if self._failures >= MAX_FAILURES and self._desired is not None:
            waiting = {port.id: why for port in self._desired.ports if port.id not in self._wired}
            self._report(self._outcome(self._desired, waiting))
        return pause

    def _pause_after_failure(self) -> float:
        self._failures += 1
        return min(FIRST_PAUSE * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE)

    def _report(self, outcome: Outcome) -> None:
        """The desk has got what is new of the outcome, now and then all of it; if not, it is sent at the next look."""
        now, only = self.clock.monotonic(), None
        if self._reported is not None and self._touched is not None and now - self._reported_at < self.pace.resync:
            only = self._touched | outcome.other_than(self._reported)
            if not only and outcome.generation == self._reported.generation:
                return
        wired = outcome.wired if only is None else outcome.wired & only
        trouble = {name: why for name, why in outcome.trouble.items() if only is None or name in only}
        given = sorted(only) if only is not None else None
        try:
            self.desk.applied(self.host, outcome.generation, sorted(wired), trouble, given)
        except NimbusError as why:
            LOG.warning('The report on the network of %s did not reach the desk: %s', self.host, why)
            self._reported = None
            return
        self._reported, self._touched = outcome, set()
        if only is None:
            self._reported_at = now

    def _facts_of(self, binary: str) -> Any:
        def facts() -> dict[str, Any]:
            configurations = _configurations(binary, self._desired, self.driver)
            return {'configurations': configurations, 'trouble': self._why}

        return facts


def _configurations(binary: str, desired: Desired | None, driver: Driver) -> dict[str, Any]:
    """An agent's `configurations`, under Neutron's names."""
    networks = desired.networks if desired else ()
    routers = desired.routers if desired else ()
    if binary == 'neutron-openvswitch-agent':
        end = driver.tunnel_end()
        return {
            'bridge_mappings': driver.bridges(),
            'tunnel_types': list(TUNNELS) if end else [],
            'tunneling_ip': end,
            'l2_population': True,
            'arp_responder_enabled': True,
            'integration_bridge': 'br-int',
            'ovs_hybrid_plug': True,
            'devices': len(desired.ports) if desired else 0,
        }
    if binary == 'neutron-dhcp-agent':
        served = [network for network in networks if network.dhcp_port_id]
        return {
            'dhcp_lease_duration': 86400,
            'networks': len(served),
            'subnets': sum(len(network.subnets) for network in served),
            'ports': sum(len(network.leases) for network in served),
        }
    if binary == 'neutron-l3-agent':
        return {
            'agent_mode': 'legacy',
            'routers': len(routers),
            'interfaces': sum(len(router.ports) for router in routers),
            'ex_gw_ports': sum(len(router.gateways) for router in routers),
            'floating_ips': sum(len(router.floating) for router in routers),
        }
    return {}
