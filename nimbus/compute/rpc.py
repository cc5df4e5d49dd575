"""The RPC contracts between compute agents and the conductor."""

from typing import Any

from nimbus.common.agents.desk import Desk
from nimbus.common.context import Context
from nimbus.common.messaging.rpc import Contract, call, cast

ACK = 5.0  # seconds an agent may take to say that it has an errand in hand; it takes a few milliseconds


class Compute(Contract):
    """The guests of one host.  Errands answer 'accepted' or 'busy' and report by `ComputeDesk.done` under their key."""

    topic = 'compute'

    @call(timeout=ACK)
    def spawn(self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any]) -> str:
        """Errand: the guest runs here.  It reports {'power'}; kind 'Refused' when another host may take it."""

    @call(timeout=ACK)
    def fetch(self, context: Context, job_id: str, key: str, fence: int, image: dict[str, Any]) -> str:
        """Errand: the base of the image is here, for whatever guest is made from it."""

    @call(timeout=ACK)
    def destroy(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        """Errand: nothing of the guest is left here; one that is still being made is given up first."""

    @call(timeout=ACK)
    def rebuild(
        self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any], preserve: bool, timeout: int
    ) -> str:
        """Errand: the guest runs on new disks, made from its image; to `preserve` keeps its ephemeral ones.

        A running one first has `timeout` seconds to shut down by itself.  It reports {'power'}.
        """

    @call(timeout=ACK)
    def power_on(self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any]) -> str:
        """Errand: the guest runs, defined anew.  It reports {'power'}."""

    @call(timeout=ACK)
    def power_off(self, context: Context, job_id: str, key: str, fence: int, server_id: str, timeout: int) -> str:
        """Errand: the guest is off; it first has `timeout` seconds to shut down by itself.  It reports {'power'}."""

    @call(timeout=ACK)
    def reboot(
        self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any], hard: bool, timeout: int
    ) -> str:
        """Errand: the guest has started anew.  It reports {'power'}."""

    @call(timeout=ACK)
    def pause(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        """Errand: the running guest stands still, its memory kept.  It reports {'power'}."""

    @call(timeout=ACK)
    def unpause(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        """Errand: the paused guest runs on.  It reports {'power'}."""

    @call(timeout=ACK)
    def suspend(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        """Errand: the guest is off and its memory on the host's disk.  It reports {'power'}."""

    @call(timeout=ACK)
    def resume(self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any]) -> str:
        """Errand: the guest runs on with the memory that was kept.  It reports {'power'}."""

    @call(timeout=ACK)
    def rescue(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        guest: dict[str, Any],
        rescue: dict[str, Any],
        timeout: int,
    ) -> str:
        """Errand: the guest runs from the rescue image.  A running one first has `timeout` seconds to shut down.

        It reports {'power'}.
        """

    @call(timeout=ACK)
    def unrescue(
        self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any], running: bool
    ) -> str:
        """Errand: nothing of a rescue is left of the guest, which is `running` from its own disk or off.

        It reports {'power'}.
        """

    @call(timeout=ACK)
    def attach(
        self, context: Context, job_id: str, key: str, fence: int, server_id: str, volume: dict[str, Any]
    ) -> str:
        """Errand: the guest has the volume.  It reports {'device'}, which the guest may have chosen otherwise."""

    @call(timeout=ACK)
    def detach(
        self, context: Context, job_id: str, key: str, fence: int, server_id: str, volume: dict[str, Any]
    ) -> str:
        """Errand: the guest has let go of the volume; a guest that is gone has."""

    @call(timeout=ACK)
    def resize(self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any], move_id: str) -> str:
        """Errand: the guest is off, its disks have its sizes, and those it had are kept for the move."""

    @call(timeout=ACK)
    def unresize(self, context: Context, job_id: str, key: str, fence: int, server_id: str, move_id: str) -> str:
        """Errand: the guest is off and has the disks that were kept for the move."""

    @call(timeout=ACK)
    def settle(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        """Errand: no disks are kept beside those that the guest has."""

    @call(timeout=ACK)
    def take_over(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        guest: dict[str, Any],
        source: str,
        shared: bool | None,
        runs: bool,
    ) -> str:
        """Errand: the guest of host `source`, which is down, is here, and runs or is off.

        Its disks are those it had where both hosts share their storage, else new ones; `shared` is what an operator
        says of that, None where the host finds out.  It reports {'power', 'kept'}: whether it kept its disks.
        Kind 'Refused' when another host may take it.
        """

    @call(timeout=ACK)
    def forsake(self, context: Context, job_id: str, key: str, fence: int, server_id: str, heir: str) -> str:
        """Errand: the guest is not here; disks on storage that is shared with `heir` stay, and are that host's."""

    @call(timeout=ACK)
    def send(self, context: Context, job_id: str, key: str, fence: int, server_id: str, move_id: str) -> str:
        """Errand: the disks of the guest, which is off, can be fetched from here.  It reports {'offer'}: how."""

    @call(timeout=ACK)
    def receive(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        guest: dict[str, Any],
        move_id: str,
        offer: dict[str, Any],
    ) -> str:
        """Errand: the guest is here, off, on copies of the disks that another host offers, in its sizes."""

    @call(timeout=ACK)
    def withhold(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        """Errand: no disk of the guest can be fetched from here."""

    @call(timeout=ACK)
    def live_facts(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        """Errand: what another host must know of the guest to run it on.  It reports {'facts'}."""

    @call(timeout=ACK)
    def live_check(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        guest: dict[str, Any],
        move_id: str,
        facts: dict[str, Any],
    ) -> str:
        """Errand: the running guest of the facts can come here.  It reports {'target'}: how it gets here."""

    @call(timeout=ACK)
    def live_reach(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        server_id: str,
        target: dict[str, Any],
        block: bool | None,
    ) -> str:
        """Errand: the other host was reached from here.  It reports {'shared'}: whether it has the guest's very disks.

        `block` says whether it is to have copies of them, None where either is well.
        """

    @call(timeout=ACK)
    def live_prepare(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        guest: dict[str, Any],
        move_id: str,
        facts: dict[str, Any],
        target: dict[str, Any],
    ) -> str:
        """Errand: all that the guest needs to come is here."""

    @call(timeout=ACK)
    def live_move(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        guest: dict[str, Any],
        move_id: str,
        target: dict[str, Any],
    ) -> str:
        """Errand: the guest runs on the other host and not here; on failure it runs on here."""

    @call(timeout=ACK)
    def live_arrived(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        """Errand: the guest that came runs here.  It reports {'power'}."""

    @call(timeout=ACK)
    def live_here(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        """Errand: nothing is done; it reports {'here'}: whether the guest runs here, once no earlier errand does."""

    @call(timeout=ACK)
    def live_drop(self, context: Context, job_id: str, key: str, fence: int, server_id: str, shared: bool) -> str:
        """Errand: nothing that was prepared for the guest is here; disks that hosts share stay."""

    @call(timeout=ACK)
    def live_abort(self, context: Context, server_id: str) -> None:
        """The guest's move to another host is being broken off; none under way is fine."""

    @call(timeout=ACK)
    def live_force(self, context: Context, server_id: str) -> None:
        """The guest's move to another host comes to its end soon, whatever the guest does.  Raises NotFound."""

    @call(timeout=ACK)
    def snapshot(
        self, context: Context, job_id: str, key: str, fence: int, server_id: str, image_id: str, quiesce: str
    ) -> str:
        """Errand: the host keeps a copy of the guest's root disk for the image, taken at one moment.

        `quiesce` is 'try' or 'must' where the guest's agent is to freeze its file systems at that moment, else empty.
        """

    @call(timeout=ACK)
    def upload_snapshot(
        self, context: Context, job_id: str, key: str, fence: int, server_id: str, image_id: str, quiesce: str
    ) -> str:
        """Errand: the image is active and holds the copy, which is taken anew where it is gone."""

    @call(timeout=ACK)
    def drop_snapshot(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        """Errand: no copy of the guest's root disk is kept here."""

    @call(timeout=ACK)
    def copy_volume(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        copy_id: str,
        server_id: str,
        volume: dict[str, Any],
        target: dict[str, str],
        quiesce: str,
    ) -> str:
        """Errand: the file {'path', 'format'} holds what the guest's volume held at one moment.

        Its subject is the copy.  Kind 'Missing' when the guest or its volume is not here, so that another has it open,
        or nobody.  `quiesce` is as in `snapshot`.
        """

    @call(timeout=ACK)
    def drop_volume_copy(
        self, context: Context, job_id: str, key: str, fence: int, copy_id: str, server_id: str, volume_id: str
    ) -> str:
        """Errand: the guest writes its volume to no copy."""

    @call(timeout=ACK)
    def grow_volume(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        volume_id: str,
        server_id: str,
        volume: dict[str, Any],
        size: int,
    ) -> str:
        """Errand: the volume has `size` GiB at least and its guest sees them.

        Its subject is the volume.  Kind 'Missing' as in `copy_volume`.
        """

    @call(timeout=ACK)
    def plug(self, context: Context, job_id: str, key: str, fence: int, server_id: str, nic: dict[str, Any]) -> str:
        """Errand: the guest has the network card.  Its port must be wired here."""

    @call(timeout=ACK)
    def unplug(self, context: Context, job_id: str, key: str, fence: int, server_id: str, nic: dict[str, Any]) -> str:
        """Errand: the guest has let go of the network card; a guest that is gone has."""

    @call(timeout=30)
    def set_password(self, context: Context, server_id: str, user: str, password: str) -> None:
        """The guest's user has the password.  Raises NotFound, and Conflict when the guest's agent does not do it."""

    @call(timeout=30)
    def inject_nmi(self, context: Context, server_id: str) -> None:
        """The guest got an interrupt on which its kernel dumps its memory.  Raises NotFound and Conflict."""

    @call(timeout=30)
    def diagnostics(self, context: Context, server_id: str) -> dict[str, Any]:
        """What the guest does now: a `Diagnostics` of nimbus.compute.guest as plain JSON.  Raises NotFound."""

    @call(timeout=30)
    def console(self, context: Context, server_id: str, lines: int | None) -> str:
        """The last lines of the guest's serial console, all that is kept for None.  Raises NotFound."""

    @call(timeout=30)
    def console_address(self, context: Context, server_id: str, kind: str) -> dict[str, Any]:
        """Where the running guest's console is reached: {'host', 'port'}.  Raises NotFound, Conflict and Invalid."""


class ComputeDesk(Desk):
    """Calls of the compute agents: reports and questions to the conductor."""

    topic = 'desk-compute'

    @call(timeout=30)
    def desired(self, context: Context, host: str) -> list[dict[str, Any]]:
        """The servers that belong on the host: {'id', 'power', 'busy'}; a busy one is being worked on by a job."""

    @call(timeout=30)
    def strangers(self, context: Context, host: str, guest_ids: list[str]) -> list[str]:
        """Those of the guests whose server is gone and that are to be destroyed; the others must be left alone."""

    @call(timeout=30)
    def deleted(self, context: Context, host: str, guest_ids: list[str]) -> list[str]:
        """Those of the guests whose servers are deleted, so that nobody needs their disks any more."""

    @call(timeout=30)
    def evacuated(self, context: Context, host: str) -> list[dict[str, Any]]:
        """The servers that left the host while it was down, which it is to forsake: {'id', 'move', 'kept'}.

        `kept` says that their new hosts have the very disks, on storage that is shared.
        """

    @call(timeout=15)
    def forsaken(self, context: Context, host: str, move: str) -> None:
        """The host runs nothing any more of the server that left it by that move."""

    @call(timeout=30)
    def guest(self, context: Context, host: str, server_id: str) -> dict[str, Any] | None:
        """How the server's guest is made up now, None when it is not to run on this host."""

    @call(timeout=15)
    def changed(self, context: Context, host: str, server_id: str, state: str) -> None:
        """The guest was seen in that state; the server follows it, unless a job works on the server."""

    @cast
    def moving(self, context: Context, host: str, server_id: str, figures: dict[str, int]) -> None:
        """So much of the guest, which moves from the host to another, was moved: bytes by the names of a migration."""

    @cast
    def progress(self, context: Context, host: str, server_id: str, percent: int) -> None:
        """The guest is so far along in being made."""
