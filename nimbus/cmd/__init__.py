"""Starts the daemons: the only package that reads configuration, chooses eventlet or threads, and connects parts."""

import gc
import sys

# What is imported and built while a process starts stays, so looking through it for what nobody needs is for nothing:
# the collector's seven hundred new objects between two looks are soon made.  `wiring.settle_memory` ends this.
gc.set_threshold(50_000)

# futurist imports eventlet wherever it is installed; kept out here, a daemon that serves no REST API is 10 MiB lighter
# and starts 0.3 s sooner.  nimbus.cmd.serving imports it for those that do.
sys.modules.setdefault('eventlet', None)  # type: ignore[arg-type]

from oslo_service import backend  # noqa: E402

# Chosen before oslo.messaging is imported anywhere, or it locks in its eventlet back end.
backend.init_backend(backend.BackendType.THREADING)

import oslo_messaging  # noqa: E402, F401

if sys.modules['eventlet'] is None:
    del sys.modules['eventlet']
