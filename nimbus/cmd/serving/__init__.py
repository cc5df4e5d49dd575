"""Serves WSGI applications: an unpatched eventlet hub reads and sends, native threads work.

Nothing is monkey-patched, so a blocking call in a request blocks its own
thread and nothing else.  A client that is slow holds a connection, never a
thread: requests are read before one is taken, and answers are sent when it is
free again.
"""

import http.server
import os
import sys
import warnings

os.environ.setdefault('EVENTLET_NO_GREENDNS', 'yes')  # names are resolved in native threads
with warnings.catch_warnings():
    warnings.simplefilter('ignore')  # eventlet warns at import against the monkey-patching that is not done here
    import eventlet  # noqa: F401

# eventlet may leave a copy of its own, whose threads are greenlets, where `import http.server` looks for the module.
http.server = sys.modules['http.server']

from nimbus.cmd.serving.access_log import NAME as ACCESS  # noqa: E402
from nimbus.cmd.serving.server import Server, bind, listen  # noqa: E402
from nimbus.cmd.serving.settings import Settings  # noqa: E402

__all__ = ['ACCESS', 'Server', 'Settings', 'bind', 'listen']
