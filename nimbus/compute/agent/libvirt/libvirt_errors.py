"""Turn libvirt's errors into nimbus's: Unavailable (libvirt is away), Refused (this host cannot), or a failure."""

import errno
import functools
import re
from collections.abc import Callable
from typing import Any

import libvirt

from nimbus.common import errors
from nimbus.compute.agent.disks import qemu_img
from nimbus.compute.agent.driver import Refused

# What libvirt says when the other side of the connection is gone, in whatever call it notices.
GONE = frozenset({libvirt.VIR_ERR_NO_CONNECT, libvirt.VIR_ERR_INVALID_CONN})
# What it says when QEMU came to its end before the guest ran.
DIED = re.compile('process exited|unexpectedly closed the monitor|[Ee]nd of file from qemu monitor')
OF_CONNECTION = frozenset({libvirt.VIR_FROM_RPC, libvirt.VIR_FROM_REMOTE})


def in_kinds(verb: Callable[..., Any]) -> Callable[..., Any]:
    """The driver's verb, whose first argument is a guest or its id, raising none of libvirt's own errors.

    Raises Unavailable while libvirt is away: the same order may be given again.
    """

    @functools.wraps(verb)
    def translated(self: Any, guest: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return verb(self, guest, *args, **kwargs)
        except libvirt.libvirtError as why:
            if is_gone(why):
                raise away(self.settings.uri, why) from why
            name = getattr(guest, 'id', guest)
            raise errors.NimbusError(
                f'The hypervisor did not {verb.__name__} guest {name}.',
                inside=f'libvirt did not {verb.__name__} guest {name}: {sentence(why)}',
            ) from why

    return translated


def is_gone(why: BaseException) -> bool:
    """Whether libvirt itself went away, rather than refused."""
    if not isinstance(why, libvirt.libvirtError):
        return False
    return why.get_error_code() in GONE or why.get_error_domain() in OF_CONNECTION


def away(uri: str, why: BaseException) -> errors.Unavailable:
    """That libvirt cannot be reached, in a sentence."""
    return errors.Unavailable(
        "The hypervisor of the server's host is away.", inside=f'libvirt at {uri} is away: {sentence(why)}'
    )


def refusal(guest_id: str, uri: str, why: BaseException) -> BaseException:
    """What to raise for `why`: a Refused with a whole sentence where this host is at fault."""
    if is_gone(why):
        return away(uri, why)
    if isinstance(why, OSError) and why.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refused(f'This host has no disk space left for guest {guest_id}.')
    if isinstance(why, libvirt.libvirtError):
        died = DIED.search(str(why)) is not None
        translated = f'QEMU {"was killed or ended while it started" if died else "did not start"} guest {guest_id}'
        return Refused(f'{translated}.', inside=f'{translated}: {sentence(why)}')
    if isinstance(why, (qemu_img.Failed, ValueError)):
        translated = f'The disks of guest {guest_id} cannot be made'
        return Refused(f'{translated}.', inside=f'{translated}: {sentence(why)}')
    return why


def sentence(why: BaseException) -> str:
    """The error's text as one line that ends."""
    text = ' '.join(str(why).split())
    return text if text.endswith('.') else text + '.'
