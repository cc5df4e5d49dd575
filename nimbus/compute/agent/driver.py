"""The interface of a hypervisor driver: guests, their power, disks, cards and consoles, and the host's capacity.

A driver gets everything it needs in the values of `nimbus.compute.guest`; it
asks nobody and keeps no database.  Every verb may be called twice, and every
verb that takes something away is fine with it being gone already.
"""

import abc
from collections.abc import Callable
from typing import Any

from nimbus.common import errors
from nimbus.compute.guest import ConsoleAddress, Diagnostics, Guest, HostFacts, Nic, Rescue, Volume

RUNNING, SHUTDOWN, PAUSED, CRASHED = 'running', 'shutdown', 'paused', 'crashed'


class Refused(errors.NimbusError):
    """This host cannot run the guest, and says why; another host may."""


class Missing(errors.NimbusError):
    """The guest is not on this host."""


class Power(abc.ABC):
    """Power: create, destroy, start, stop and reboot guests."""

    @abc.abstractmethod
    def spawn(self, guest: Guest, root: str | None, progress: Callable[[int], None]) -> None:
        """The guest is defined, its disks exist and it runs; one that already runs is left alone.

        `root` is the path of the cached base image, None for a guest that boots from a volume.
        `progress` is called with 0..100.  Raises Refused when this host cannot run it; then
        nothing of the guest is left here.
        """

    @abc.abstractmethod
    def destroy(self, guest_id: str) -> None:
        """The guest is stopped, and its definition, disks and folder are gone."""

    @abc.abstractmethod
    def rebuild(self, guest: Guest, root: str | None, preserve: bool, timeout: int) -> None:
        """The guest runs, defined as `guest` says, on new disks; whatever was left of it before.

        `root` is the path of the cached base image, None for a guest that boots from a volume.  To `preserve` keeps
        its ephemeral disks.  A running one is asked to shut down for `timeout` seconds first.  Raises Refused.
        """

    @abc.abstractmethod
    def start(self, guest: Guest) -> None:
        """The guest runs, defined as `guest` says; one that already runs is left alone."""

    @abc.abstractmethod
    def stop(self, guest_id: str, timeout: int) -> None:
        """The guest is shut down: asked by ACPI for `timeout` seconds, then switched off."""

    @abc.abstractmethod
    def reboot(self, guest: Guest, hard: bool, timeout: int) -> None:
        """The guest has started anew; a soft reboot not done in `timeout` seconds becomes a hard one."""

    @abc.abstractmethod
    def state(self, guest_id: str) -> str:
        """One of RUNNING, SHUTDOWN, PAUSED, CRASHED.  Raises Missing."""

    @abc.abstractmethod
    def guests(self) -> dict[str, str]:
        """Every guest of ours on this host, defined or only left on disk: id -> state."""

    @abc.abstractmethod
    def bases(self) -> set[str]:
        """The base images that disks of guests here stand on; their files must stay."""

    @abc.abstractmethod
    def watch(self, changed: Callable[[str, str], None]) -> None:
        """`changed(guest id, state)` is called from a thread of the driver's when a guest's state changes."""


class Suspension(abc.ABC):
    """Suspension: hold a guest still and let it go on, with its memory."""

    @abc.abstractmethod
    def pause(self, guest_id: str) -> None:
        """The running guest stands still; one that does already is left alone.

        Raises Missing, and NimbusError when it is off.
        """

    @abc.abstractmethod
    def unpause(self, guest_id: str) -> None:
        """The paused guest runs on; one that runs already is left alone.

        Raises Missing, and NimbusError when it is off.
        """

    @abc.abstractmethod
    def suspend(self, guest_id: str) -> None:
        """The guest is off and its memory is on the host's disk; one that is off already is left alone.

        Raises Missing.
        """

    @abc.abstractmethod
    def resume(self, guest: Guest) -> None:
        """The guest runs on with the memory that was kept, or is started where none was; one that runs is left alone.

        Raises Missing.
        """


class Rescuing(abc.ABC):
    """Rescuing: start a guest from another image, so that its own disk can be repaired."""

    @abc.abstractmethod
    def rescue(self, guest: Guest, rescue: Rescue, root: str, timeout: int) -> None:
        """The guest runs from a new disk made of the cached base image at `root`; what it has beside says `rescue`.

        A running one is asked to shut down for `timeout` seconds first.  Raises Missing and Refused.
        """

    @abc.abstractmethod
    def unrescue(self, guest: Guest, running: bool) -> None:
        """The guest is `running` from its own disk, or off, and no rescue disk is left.  Raises Missing and Refused."""


class Disks(abc.ABC):
    """Disks: attach volumes to a guest, grow and detach them."""

    @abc.abstractmethod
    def attach(self, guest_id: str, volume: Volume) -> None:
        """The guest, running or not, has the volume; attached already is fine.  Raises Missing."""

    @abc.abstractmethod
    def detach(self, guest_id: str, volume: Volume) -> None:
        """The guest has let go of the volume and no process here has it open."""

    @abc.abstractmethod
    def grow_volume(self, guest_id: str, volume: Volume, size: int) -> None:
        """The volume has `size` GiB at least, and a guest that runs sees them.

        Raises Missing when the guest or its volume is not here, and Refused.
        """

    @abc.abstractmethod
    def attached(self, guest_id: str) -> dict[str, str]:
        """The volumes the guest has now: volume id -> device name.  Raises Missing."""


class Resizes(abc.ABC):
    """Sizes: give a guest that is off larger disks, keeping those it had until somebody decides."""

    @abc.abstractmethod
    def resize(self, guest: Guest, move_id: str) -> None:
        """The guest is off, its disks have its sizes, and those it had are kept for the move; repeating it is fine.

        What was kept for another move is forgotten.  Raises Missing and Refused.
        """

    @abc.abstractmethod
    def unresize(self, guest_id: str, move_id: str) -> None:
        """The guest is off and has the disks that were kept for the move; none kept is fine.  Raises Missing."""

    @abc.abstractmethod
    def settle(self, guest_id: str) -> None:
        """No disks are kept beside those that the guest has; none kept is fine."""


class Evacuating(abc.ABC):
    """Evacuating: take over a guest whose host is down, and forsake one that left while this host was."""

    @abc.abstractmethod
    def shares(self, guest_id: str, source: str) -> bool:
        """Whether the guest's disks, as the host `source` left them, are here: on storage that both share.

        Raises Refused when disks of the guest are here and it is not known whose they are.
        """

    @abc.abstractmethod
    def take_over(self, guest: Guest, source: str, root: str | None, runs: bool) -> None:
        """The guest is here, running or off, on the disks that are shared with `source`, or on new ones.

        New ones are made of the cached base image at `root`.  Raises Refused.
        """

    @abc.abstractmethod
    def forsake(self, guest_id: str, heir: str | None, kept: bool) -> None:
        """The guest is not here, running or off; no guest is fine.

        Disks on shared storage are not touched, whether that is known here or `kept` says it; they belong to `heir`
        again, if one is named and they were taken over from it.  Disks of this host alone are set aside.
        """

    @abc.abstractmethod
    def on_shared_storage(self, guest_id: str) -> bool:
        """Whether the guest's disks are another host's, or were taken over from one."""

    @abc.abstractmethod
    def forget_forsaken(self, max_age: float) -> list[str]:
        """Disks that were set aside longer than `max_age` seconds ago are gone; returns their paths."""


class Moves(abc.ABC):
    """Moves: take a guest to another host."""

    @abc.abstractmethod
    def send(self, guest_id: str, move_id: str) -> dict[str, Any]:
        """The disks of the guest, which is off, can be fetched by `receive` with what is returned.

        It may be repeated.  Raises Missing and Refused.
        """

    @abc.abstractmethod
    def receive(self, guest: Guest, move_id: str, offer: dict[str, Any]) -> None:
        """The guest is here, off, on copies of the disks offered, in its own sizes; once a move is enough.

        What was left of it here before is gone.  Raises Refused; then nothing of it is here.
        """

    @abc.abstractmethod
    def withhold(self, guest_id: str) -> None:
        """No disk of the guest can be fetched; none offered, or no guest, is fine."""


class LiveMoves(abc.ABC):
    """Moves of running guests to another host; they are broken off and forced from other threads."""

    @abc.abstractmethod
    def live_facts(self, guest_id: str) -> dict[str, Any]:
        """What `live_check` and `live_prepare` there must know of the running guest.  Raises Missing and Refused."""

    @abc.abstractmethod
    def live_check(self, guest: Guest, move_id: str, facts: dict[str, Any]) -> dict[str, Any]:
        """How the guest of the facts gets here; only a mark is left of the check.  Raises Refused."""

    @abc.abstractmethod
    def live_reach(self, guest_id: str, target: dict[str, Any], block: bool | None) -> bool:
        """Whether the target has the guest's very disks.  Raises Refused when that is not as `block` says."""

    @abc.abstractmethod
    def live_prepare(self, guest: Guest, move_id: str, facts: dict[str, Any], target: dict[str, Any]) -> None:
        """All that the guest needs to come here is here.  Raises Refused; then nothing of it is."""

    @abc.abstractmethod
    def live_move(
        self, guest: Guest, move_id: str, target: dict[str, Any], report: Callable[[dict[str, int]], None]
    ) -> None:
        """The guest runs on the target and not here; on failure, which is Refused, it runs on here.

        One that has gone already is fine.  `report` is called with how much was moved.
        """

    @abc.abstractmethod
    def live_arrived(self, guest_id: str) -> None:
        """The guest that came is a guest of this host.  Raises Missing."""

    @abc.abstractmethod
    def live_here(self, guest_id: str) -> bool:
        """Whether the guest runs, or stands still, here."""

    @abc.abstractmethod
    def live_drop(self, guest_id: str, shared: bool) -> None:
        """Nothing prepared for the guest is here, but for disks that are `shared`.  A guest that runs stays."""

    @abc.abstractmethod
    def live_abort(self, guest_id: str) -> None:
        """The move under way is being broken off; none is fine.  Raises Missing."""

    @abc.abstractmethod
    def live_force(self, guest_id: str) -> None:
        """The move under way comes to its end soon, whatever the guest does; none is fine.  Raises Missing."""


class Snapshots(abc.ABC):
    """Snapshots: a copy of a guest's root disk as it was at one moment, kept on the host until it is dropped."""

    @abc.abstractmethod
    def snapshot(self, guest_id: str, image_id: str, quiesce: str) -> str:
        """The path of a whole qcow2 file that holds the root disk, for the image; the same file when it is repeated.

        The guest goes on as it does.  A running one is frozen by its agent at that moment where `quiesce` is 'try', and
        has to be where it is 'must'.  What was kept for another image is dropped.  Raises Missing and Refused.
        """

    @abc.abstractmethod
    def drop_snapshot(self, guest_id: str) -> None:
        """No copy of the guest's root disk is kept; none kept, or no guest, is fine."""

    @abc.abstractmethod
    def copy_volume(self, guest_id: str, volume: Volume, path: str, format: str, quiesce: str) -> None:
        """The file at `path` is a whole disk with what the volume held at one moment, whatever the guest does.

        `quiesce` is as above.  Raises Missing when the guest or its volume is not here, and Refused.
        """

    @abc.abstractmethod
    def drop_volume_copy(self, guest_id: str, volume_id: str) -> None:
        """The guest writes its volume to no copy; none made, or no guest, is fine."""


class Cards(abc.ABC):
    """Cards: give a guest network cards and take them away."""

    @abc.abstractmethod
    def plug(self, guest_id: str, nic: Nic) -> None:
        """The guest, running or not, has the network card; having it already is fine.  Raises Missing and Refused."""

    @abc.abstractmethod
    def unplug(self, guest_id: str, nic: Nic) -> None:
        """The guest has let go of the network card.  Raises Refused when it does not; then it has it as before."""

    @abc.abstractmethod
    def plugged(self, guest_id: str) -> set[str]:
        """The MAC addresses of the guest's network cards now.  Raises Missing."""


class Console(abc.ABC):
    """Console: the log of a guest's serial console, and where its consoles are reached."""

    @abc.abstractmethod
    def console(self, guest_id: str, lines: int | None) -> str:
        """The last `lines` lines of the serial console, all that is kept for None.  Raises Missing.

        What follows the last end of line counts as a line, even when it is empty.
        """

    @abc.abstractmethod
    def console_address(self, guest_id: str, kind: str) -> ConsoleAddress:
        """Where the running guest's console is reached: its screen by VNC, or its serial port by plain TCP.

        `kind` is VNC or SERIAL of nimbus.compute.guest.  Raises Missing, Conflict when the guest is off, and Invalid
        when it has no such console.
        """


class Inside(abc.ABC):
    """Inside: what is done within a running guest, and what it does."""

    @abc.abstractmethod
    def set_password(self, guest_id: str, user: str, password: str) -> None:
        """The guest's user has the password.  Raises Missing, and Conflict when the guest's agent does not do it."""

    @abc.abstractmethod
    def inject_nmi(self, guest_id: str) -> None:
        """The running guest got a non-maskable interrupt.  Raises Missing, and Conflict when it is off."""

    @abc.abstractmethod
    def diagnostics(self, guest_id: str) -> Diagnostics:
        """What the guest does now.  Raises Missing."""


class Facts(abc.ABC):
    """Facts: the host's capacity."""

    @abc.abstractmethod
    def facts(self) -> HostFacts:
        """The host's capacity and identity now."""


class Driver(
    Power, Suspension, Rescuing, Disks, Resizes, Moves, LiveMoves, Evacuating, Snapshots, Cards, Console, Inside, Facts
):
    """A hypervisor driver: all of the above, and how it is opened and closed."""

    @abc.abstractmethod
    def open(self) -> None:
        """The driver is ready for use.  Raises OSError with a sentence when the hypervisor is away."""

    @abc.abstractmethod
    def close(self) -> None:
        """The driver's threads and connections are gone; guests run on."""
