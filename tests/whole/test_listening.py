"""Listening on a port; here and not beside the nouns, for who serves imports eventlet, and threads notice that."""

import http.server
import os
import socket
import threading

import pytest

from nimbus.cmd import serving


def test_a_port_that_is_taken_is_told_with_the_process_that_has_it():
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            OSError, match=rf'Port {port} of 127\.0\.0\.1 .* Process {os.getpid()} \(.+\) listens there'
        ):
            serving.listen('127.0.0.1', port)


def test_threads_of_others_stay_threads():
    assert http.server.socketserver.threading is threading
