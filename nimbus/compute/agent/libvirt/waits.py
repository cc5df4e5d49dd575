"""Wait for what a guest or its QEMU monitor does asynchronously."""

import threading
import time
from collections.abc import Callable

import libvirt

# A guest may miss a request while it starts or is busy: it is repeated this often.
ASK_AGAIN = 5
# An adopted guest is listed as running some time before its monitor answers.
SETTLE = 15
# How often in a row another process may take the port before that is an error.
COLLISIONS = 5


class Waits:
    """Waits that end early when libvirt reports an event, and at their timeout when it does not."""

    def __init__(self) -> None:
        self._happened = threading.Condition()

    def wake(self) -> None:
        """Whoever waits looks again."""
        with self._happened:
            self._happened.notify_all()

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Whether `done()` came true within `seconds`."""
        end = time.monotonic() + seconds
        while not done():
            left = end - time.monotonic()
            if left <= 0:
                return False
            with self._happened:
                self._happened.wait(min(left, 0.25))
        return True

    def ask(self, request: Callable[[], bool], done: Callable[[], bool], seconds: float) -> bool:
        """Whether `done()` came true within `seconds` of repeated requests.

        `request()` says False when asking is pointless.
        """
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() >= end or not request():
                return False
            if self.wait(done, min(ASK_AGAIN, end - time.monotonic())):
                return True
        return True

    def past_collisions(self, create: Callable[[], object]) -> None:
        """`create()` has been done, tried anew when another process took the console's port first.

        libvirt looks for a free port and QEMU binds it later: a second libvirt here can come between.
        """
        for left in reversed(range(COLLISIONS)):
            try:
                create()
                return
            except libvirt.libvirtError as why:
                if not left or 'Address already in use' not in str(why):
                    raise
            self.wait(lambda: False, 0.25)

    def again(self, domain: libvirt.virDomain, call: Callable):
        """What `call()` returns, tried anew while an adopted guest's monitor is still being connected."""
        end = time.monotonic() + SETTLE
        while True:
            try:
                return call()
            except libvirt.libvirtError as why:
                if time.monotonic() > end or not _is_unsettled(domain, why):
                    raise
            self.wait(lambda: False, 0.25)


def _is_unsettled(domain: libvirt.virDomain, why: libvirt.libvirtError) -> bool:
    return (
        why.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID
        and 'not running' in str(why)
        and bool(domain.isActive())
    )
