"""What happened is told once it is durable: posted in its transaction, relayed at least once and in order."""

import json
import logging

import oslo_messaging
import pytest
import sqlalchemy as sa

from nimbus.common import errors, failpoints
from nimbus.common.clock import FakeClock
from nimbus.common.database import db
from nimbus.common.messaging import notifier, outbox, rpc
from nimbus.common.messaging.outbox import Event
from nimbus.conductor.relay import Relay
from tests.conftest import MEMBER


@pytest.fixture
def told(database):
    """A database whose changes are told."""
    database.publisher = 'h1'
    return database


def post(database, *numbers):
    with database.write() as tx:
        for number in numbers:
            outbox.post(tx, MEMBER, 'compute', 'compute.instance.create.end', lambda n=number: {'n': n})


def waiting(database):
    with database.read() as tx:
        return [event.payload['n'] for event in outbox.waiting(tx, 1000)]


class World:
    """Whoever is told, and what keeps it from hearing."""

    def __init__(self):
        self.heard, self.deaf_after = [], None

    def publish(self, event):
        if self.deaf_after is not None and len(self.heard) >= self.deaf_after:
            raise errors.Unavailable('The bus is away.')
        self.heard.append(event.payload['n'])


def test_nothing_is_kept_and_no_payload_is_made_when_nobody_is_told(database):
    def payload():
        raise AssertionError('A payload was made for nobody.')

    with database.write() as tx:
        outbox.post(tx, MEMBER, 'compute', 'compute.instance.create.end', payload)
        assert tx.scalar(sa.select(sa.func.count()).select_from(Event)) == 0


def test_what_is_rolled_back_is_never_told(told):
    with pytest.raises(errors.Conflict), told.write() as tx:
        outbox.post(tx, MEMBER, 'compute', 'compute.instance.create.end', lambda: {'n': 1})
        raise errors.Conflict('Something was in the way.')
    assert waiting(told) == []


def test_what_waits_is_told_in_order_and_then_forgotten(told):
    world = World()
    post(told, *range(150))
    assert Relay(told, world.publish).relay() == 150
    assert world.heard == list(range(150)) and waiting(told) == []


def test_a_bus_that_is_away_loses_nothing_and_keeps_the_order(told):
    world = World()
    world.deaf_after = 2
    post(told, 1, 2, 3)
    relay = Relay(told, world.publish)
    with pytest.raises(errors.Unavailable):
        relay.relay()
    assert waiting(told) == [1, 2, 3]
    world.deaf_after = None
    relay.relay()
    assert world.heard == [1, 2, 1, 2, 3] and waiting(told) == []


def test_a_relay_that_dies_between_publish_and_delete_leaves_the_events_to_the_next(told, monkeypatch):
    class Death(BaseException):
        pass

    def die(name):
        if name == 'relay.published':
            raise Death

    world, clock = World(), FakeClock()
    post(told, 1, 2)
    monkeypatch.setattr(failpoints, 'hit', die)
    with pytest.raises(Death):
        Relay(told, world.publish, still=8, clock=clock).relay()
    monkeypatch.undo()
    heir = Relay(told, world.publish, still=8, clock=clock)
    assert heir.relay() == 0, 'the dead relay still has its turn'
    clock.advance(9)
    assert heir.relay() == 2
    assert world.heard == [1, 2, 1, 2] and waiting(told) == []


def test_a_relay_that_lives_keeps_its_turn_and_a_zombie_stops(told):
    clock, world, other = FakeClock(), World(), World()
    first, second = (Relay(told, who.publish, still=8, clock=clock) for who in (world, other))
    post(told, 1)
    assert first.relay() == 1
    for number in (2, 3):  # it works on now and then, so its beat is seen to move
        post(told, number)
        assert second.relay() == 0
        clock.advance(7)
        assert first.relay() == 1
    post(told, 4)
    second.relay()
    clock.advance(9)
    assert second.relay() == 1 and first.relay() == 0
    post(told, 5)
    assert first.relay() == 0 and second.relay() == 1
    assert (world.heard, other.heard) == ([1, 2, 3], [4, 5])


def test_a_relay_that_stops_gives_its_turn_away_at_once(told):
    world = World()
    first, second = Relay(told, world.publish), Relay(told, world.publish)
    post(told, 1)
    assert first.relay() == 1
    first.start()
    first.stop()
    post(told, 2)
    assert second.relay() == 1 and world.heard == [1, 2]


def test_only_so_many_events_wait(told):
    post(told, *range(10))
    with told.write() as tx:
        assert outbox.forget(tx, 4) == 6
    assert waiting(told) == [6, 7, 8, 9]


def test_a_repetition_has_the_same_message_id(told):
    post(told, 1, 2)
    with told.read() as tx:
        again = [[outbox.message_id(event) for event in outbox.waiting(tx, 10)] for _ in range(2)]
    assert again[0] == again[1] and len(set(again[0])) == 2


class Endpoint:
    """Takes notifications as any consumer built on oslo.messaging does."""

    def __init__(self):
        self.heard = []

    def info(self, ctxt, publisher_id, event_type, payload, metadata):
        self.heard.append((ctxt, publisher_id, event_type, payload, metadata))


def test_a_consumer_on_the_bus_hears_the_fields_format(told, tmp_path):
    url = f'inproc:///{tmp_path.name}'
    bus = rpc.notification_transport(url)
    endpoint = Endpoint()
    target = oslo_messaging.Target(topic='notifications', exchange='nova')
    listener = oslo_messaging.get_notification_listener(bus, [target], [endpoint], 'threading')
    listener.start()
    made = notifier.Notifier(url, ['messagingv2'], ['notifications', 'monitor'])
    try:
        post(told, 7)
        Relay(told, made.publish).relay()
    finally:
        listener.stop()
        listener.wait()
        made.close()
    ((ctxt, publisher, event_type, payload, metadata),) = endpoint.heard
    assert (publisher, event_type, payload) == ('compute.h1', 'compute.instance.create.end', {'n': 7})
    assert ctxt['request_id'] == MEMBER.request_id and 'token' not in ctxt
    assert len(metadata['message_id']) == 36 and metadata['timestamp'][10] == ' '


def test_the_log_hears_whole_messages(told, caplog):
    post(told, 7)
    made = notifier.Notifier('inproc:///nobody', ['log'], ['notifications'])
    with caplog.at_level(logging.INFO, notifier.LOG_TO):
        Relay(told, made.publish).relay()
    (record,) = [record for record in caplog.records if record.name.startswith(notifier.LOG_TO)]
    assert record.name == 'oslo.messaging.notification.compute.instance.create.end'
    assert json.loads(record.getMessage())['priority'] == 'INFO'


@pytest.mark.parametrize(('drivers', 'wanted'), [([], False), (['noop'], False), (['noop', 'log'], True)])
def test_only_drivers_that_tell_anybody_cost_anything(drivers, wanted):
    assert notifier.wanted(drivers) is wanted


def test_a_database_tells_nobody_unless_told_to(tmp_path):
    made = db.Database(f'sqlite:///{tmp_path}/quiet.db')
    with made.write() as tx:
        assert tx.publisher is None
    made.close()
