"""What is seen of a simulated guest and done within it: its consoles, its password, its interrupts and its counters."""

import dataclasses

from nimbus.common import errors
from nimbus.compute.agent.driver import PAUSED, RUNNING
from nimbus.compute.agent.fake import consoles
from nimbus.compute.agent.fake.guests import Guests
from nimbus.compute.guest import ConsoleAddress, Diagnostics, DiskUse, Processor


class Inside(Guests):
    """The driver's verbs that reach into a guest."""

    def console(self, guest_id: str, lines: int | None) -> str:
        self._meet('console')
        text = self._known(guest_id).console
        if lines is None:
            return text
        return '\n'.join(text.split('\n')[-lines:]) if lines > 0 else ''

    def console_address(self, guest_id: str, kind: str) -> ConsoleAddress:
        self._meet('console_address')
        with self.host.lock(guest_id):
            known = self._known(guest_id)
            if known.state not in (RUNNING, PAUSED):
                raise errors.Conflict(f'Guest {guest_id} is off.')
            return ConsoleAddress(consoles.HOST, self.host.consoles.port(guest_id, kind, known.name))

    def set_password(self, guest_id: str, user: str, password: str) -> None:
        self._say(guest_id, 'set_password', f'the password of {user} is changed')

    def inject_nmi(self, guest_id: str) -> None:
        self._say(guest_id, 'inject_nmi', 'an interrupt came')

    def diagnostics(self, guest_id: str) -> Diagnostics:
        self._meet('diagnostics')
        known = self._known(guest_id)
        running = known.state in (RUNNING, PAUSED)
        names = (['vda'] if known.base else []) + sorted(known.volumes.values())
        return Diagnostics(
            state=known.state,
            driver='libvirt',  # clients know the names of upstream's drivers only
            hypervisor='fake',
            memory_kb=known.memory_mb << 10,
            used_kb=known.memory_mb << 10 if running else 0,
            processors=tuple(Processor(number, 0) for number in range(known.vcpus if running else 0)),
            disks=tuple(DiskUse(name, 0, 0, 0, 0, 0) for name in names if running),
        )

    def _say(self, guest_id: str, verb: str, text: str) -> None:
        """A running guest says the text on its console.  Raises Missing and Conflict."""
        with self.host.lock(guest_id):
            known = self._known(guest_id)
            self._meet(verb)
            if known.state != RUNNING:
                raise errors.Conflict(f'Guest {guest_id} is {known.state}.')
            self.host.put(guest_id, dataclasses.replace(known, console=f'{known.console}{known.name}: {text}\n'))
