"""Publishes events as OpenStack's notifications: over the message bus, into the log, or both."""

import json
import logging
from collections.abc import Sequence
from typing import Any

import oslo_messaging
from oslo_config import cfg

from nimbus.common import errors
from nimbus.common.messaging import outbox, rpc

BUS = {'messaging': 1.0, 'messagingv2': 2.0}  # driver -> version of the envelope
LOG_TO = 'oslo.messaging.notification'  # the field's logger; the event type follows
# Consumers of a service listen on the exchange that carries its name in the field.
EXCHANGES = {'compute': 'nova', 'volume': 'cinder', 'network': 'neutron', 'image': 'glance', 'identity': 'keystone'}
SHOWN = ('request_id', 'global_request_id', 'user_id', 'user_name', 'project_id', 'project_name')


def wanted(drivers: Sequence[str]) -> bool:
    """Whether any of the drivers publishes anything."""
    return any(driver != 'noop' for driver in drivers)


class Notifier:
    """Hands events to each of its drivers."""

    def __init__(
        self, url: str, drivers: Sequence[str], topics: Sequence[str], conf: cfg.ConfigOpts | None = None
    ) -> None:
        """`url` is that of the message bus to publish on, opened only for a driver that needs one."""
        self._versions = [BUS[driver] for driver in drivers if driver in BUS]
        self._topics, self._to_log = list(topics), 'log' in drivers
        self._bus: Any = rpc.notification_transport(url, conf) if self._versions else None
        if self._to_log:  # whoever asks for it in the log wants it there whatever the log's level is
            logging.getLogger(LOG_TO).setLevel(logging.INFO)

    def publish(self, event: Any) -> None:
        """Every driver has the event.  Raises Unavailable when the bus does not take it."""
        message = as_message(event)
        asker = {name: event.asker.get(name) for name in SHOWN}
        asker |= {'tenant': asker['project_id']}
        for version in self._versions:
            for topic in self._topics:
                self._send(event, f'{topic}.{event.priority}', asker, message, version)
        if self._to_log:
            level = logging.ERROR if event.priority == outbox.ERROR else logging.INFO
            logging.getLogger(f'{LOG_TO}.{event.event_type}').log(level, '%s', json.dumps(message))

    def _send(self, event: Any, topic: str, asker: dict[str, Any], message: dict[str, Any], version: float) -> None:
        service = event.publisher.partition('.')[0]
        target = oslo_messaging.Target(topic=topic, exchange=EXCHANGES.get(service, service))
        try:
            # oslo.messaging's own notifier logs a failure and goes on: an event would be lost with the broker.
            self._bus._send_notification(target, dict(asker), dict(message), version, retry=rpc.RETRY)
        except tuple(rpc.AWAY) as why:
            raise errors.Unavailable('Notifications cannot be published over the message bus.') from why

    def close(self) -> None:
        """The connections to the bus are closed."""
        if self._bus is not None:
            self._bus.cleanup()


def as_message(event: Any) -> dict[str, Any]:
    """The event in the format of OpenStack's notifications."""
    return {
        'message_id': outbox.message_id(event),
        'publisher_id': event.publisher,
        'event_type': event.event_type,
        'priority': event.priority.upper(),
        'payload': event.payload,
        'timestamp': event.at.isoformat(' ', 'microseconds'),
    }
