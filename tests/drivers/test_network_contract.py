"""What every network driver does, tried on the pretended host and on a real one."""

import pytest

from tests.drivers.netcloud import PING
from tests.drivers.netlab import FakeLab


@pytest.fixture
def lab(either):
    return either


def test_a_port_is_wired_once_it_is_applied(driver, wishes):
    port = wishes.port(wishes.network())
    assert driver.wired() == set()
    assert driver.apply(wishes.desired()) == {}
    assert driver.wired() == {port.id}


def test_what_is_not_named_any_more_is_gone(driver, wishes):
    net = wishes.network()
    kept, lost = wishes.port(net), wishes.port(net)
    driver.apply(wishes.desired())
    del wishes.ports[lost.id]
    assert driver.apply(wishes.desired()) == {}
    assert driver.wired() == {kept.id}


def test_a_port_that_is_down_is_not_wired(driver, wishes):
    port = wishes.port(wishes.network(), admin_up=False)
    assert driver.apply(wishes.desired()) == {}
    assert driver.wired() == set()
    wishes.change(wishes.ports, port.id, admin_up=True)
    driver.apply(wishes.desired())
    assert driver.wired() == {port.id}
    wishes.change(wishes.ports, port.id, admin_up=False)
    driver.apply(wishes.desired())
    assert driver.wired() == set()


def test_a_port_of_an_unknown_network_is_reported_and_the_others_are_wired(driver, wishes):
    net = wishes.network()
    lost, kept = wishes.port(net), wishes.port(net)
    wishes.change(wishes.ports, lost.id, network_id='nowhere')
    assert driver.apply(wishes.desired()) == {
        lost.id: f'The network nowhere of port {lost.id} is not known on this host.'
    }
    assert driver.wired() == {kept.id}


def test_a_new_driver_finds_what_the_old_one_wired(driver, lab, wishes):
    port = wishes.port(wishes.network())
    driver.apply(wishes.desired())
    driver.close()
    again = lab.driver()
    again.open()
    assert again.wired() == {port.id}
    assert again.apply(wishes.desired()) == {}
    assert again.wired() == {port.id}
    again.close()


def test_clear_leaves_the_host_as_it_was(lab, wishes):
    before = lab.snapshot()
    driver = lab.driver()
    driver.open()
    one, two = wishes.network(), wishes.network('10.20.0.0/24')
    wishes.router(one, two)
    group = wishes.group(PING)
    wishes.port(one, groups=[group]), wishes.port(two, security=False)
    assert driver.apply(wishes.desired()) == {}
    assert lab.snapshot() != before
    driver.clear()
    assert lab.snapshot() == before
    driver.clear()
    assert lab.snapshot() == before
    driver.close()


def test_a_driver_used_after_clear_builds_all_again(driver, wishes):
    port = wishes.port(wishes.network())
    driver.apply(wishes.desired())
    driver.clear()
    assert driver.apply(wishes.desired()) == {}
    assert driver.wired() == {port.id}


def test_a_switch_that_is_away_is_said_so(lab):
    lab.switch_away(True)
    try:
        with pytest.raises(OSError, match='does not answer'):
            lab.driver().open()
    finally:
        lab.switch_away(False)


def test_a_ping_passes_only_by_a_rule(driver, lab, wishes):
    net, group, closed = wishes.network(), wishes.group(PING), wishes.group()
    asker, open_one, shut_one = (wishes.port(net, groups=[name]) for name in (closed, group, closed))
    assert driver.apply(wishes.desired()) == {}
    for port in (asker, open_one, shut_one):
        lab.attach(port)
    assert lab.pings(asker, open_one)
    assert not lab.pings(asker, shut_one)


def test_a_guest_gets_its_address_from_dhcp(driver, lab, wishes):
    port = wishes.port(wishes.network(), groups=[wishes.group()])
    assert driver.apply(wishes.desired()) == {}
    lab.attach(port, address=False)
    assert lab.leases(port) == port.addresses[0].ip


def test_a_router_joins_two_networks(driver, lab, wishes):
    one, two, group = wishes.network(), wishes.network('10.20.0.0/24'), wishes.group(PING)
    left, right = wishes.port(one, groups=[group]), wishes.port(two, groups=[group])
    assert driver.apply(wishes.desired()) == {}
    for port, gateway in ((left, '192.168.50.1'), (right, '10.20.0.1')):
        lab.attach(port)
        if lab.real:
            lab.inside(port, 'ip', 'route', 'add', 'default', 'via', gateway)
    assert not lab.pings(left, right)
    router = wishes.router(one, two)
    assert driver.apply(wishes.desired()) == {}
    assert lab.pings(left, right)
    del wishes.routers[router.id]
    driver.apply(wishes.desired())
    assert not lab.pings(left, right)


def test_a_fake_failure_is_reported_until_it_is_lifted(wishes):
    lab = FakeLab()
    driver = lab.driver()
    driver.open()
    port = wishes.port(wishes.network())
    lab.host.failures[port.id] = 'The bridge is full.'
    assert driver.apply(wishes.desired()) == {port.id: 'The bridge is full.'}
    assert driver.wired() == set()
    lab.host.failures.clear()
    assert driver.apply(wishes.desired()) == {}
    assert driver.wired() == {port.id}
    lab.close()
