"""Every long operation, by the name that jobs are started under."""

from nimbus.common.jobs import Workflow
from nimbus.conductor.workflows.attach_volume import AttachVolume
from nimbus.conductor.workflows.build_server import BuildServer
from nimbus.conductor.workflows.delete_server import DeleteServer
from nimbus.conductor.workflows.detach_volume import DetachVolume
from nimbus.conductor.workflows.images.caching import CacheImage
from nimbus.conductor.workflows.images.shelving import BringBackServer, OffloadServer, ShelveServer, UnshelveServer
from nimbus.conductor.workflows.images.snapshots import BackupServer, SnapshotServer
from nimbus.conductor.workflows.interfaces import AttachInterface, DetachInterface
from nimbus.conductor.workflows.moves.evacuations import EvacuateServer
from nimbus.conductor.workflows.moves.live import LiveMigrateServer
from nimbus.conductor.workflows.moves.resizes import ConfirmResize, MigrateServer, ResizeServer
from nimbus.conductor.workflows.moves.reverts import LeaveHost, RevertResize
from nimbus.conductor.workflows.reboot_server import RebootServer
from nimbus.conductor.workflows.rebuild_server import RebuildServer
from nimbus.conductor.workflows.rescues import RescueServer, UnrescueServer
from nimbus.conductor.workflows.soft_deletion import RestoreServer, SoftDeleteServer
from nimbus.conductor.workflows.start_server import StartServer
from nimbus.conductor.workflows.stop_server import StopServer
from nimbus.conductor.workflows.suspension import PauseServer, ResumeServer, SuspendServer, UnpauseServer
from nimbus.conductor.workflows.volumes.backups import CreateBackup, DeleteBackup, ImportBackup, RestoreBackup
from nimbus.conductor.workflows.volumes.creation import CreateVolume
from nimbus.conductor.workflows.volumes.deletion import DeleteVolume
from nimbus.conductor.workflows.volumes.extension import ExtendVolume
from nimbus.conductor.workflows.volumes.snapshots import CreateSnapshot, DeleteSnapshot, RevertVolume
from nimbus.conductor.workflows.volumes.uploads import UploadVolume

WORKFLOWS: dict[str, type[Workflow]] = {
    'build_server': BuildServer,
    'delete_server': DeleteServer,
    'start_server': StartServer,
    'stop_server': StopServer,
    'reboot_server': RebootServer,
    'soft_delete_server': SoftDeleteServer,
    'restore_server': RestoreServer,
    'rebuild_server': RebuildServer,
    'rescue_server': RescueServer,
    'unrescue_server': UnrescueServer,
    'pause_server': PauseServer,
    'unpause_server': UnpauseServer,
    'suspend_server': SuspendServer,
    'resume_server': ResumeServer,
    'resize_server': ResizeServer,
    'migrate_server': MigrateServer,
    'live_migrate_server': LiveMigrateServer,
    'confirm_resize': ConfirmResize,
    'revert_resize': RevertResize,
    'evacuate_server': EvacuateServer,
    'leave_host': LeaveHost,
    'snapshot_server': SnapshotServer,
    'backup_server': BackupServer,
    'shelve_server': ShelveServer,
    'offload_server': OffloadServer,
    'unshelve_server': UnshelveServer,
    'bring_back_server': BringBackServer,
    'cache_image': CacheImage,
    'attach_volume': AttachVolume,
    'detach_volume': DetachVolume,
    'attach_interface': AttachInterface,
    'detach_interface': DetachInterface,
    'create_volume': CreateVolume,
    'delete_volume': DeleteVolume,
    'extend_volume': ExtendVolume,
    'revert_volume': RevertVolume,
    'upload_volume': UploadVolume,
    'create_snapshot': CreateSnapshot,
    'delete_snapshot': DeleteSnapshot,
    'create_backup': CreateBackup,
    'delete_backup': DeleteBackup,
    'import_backup': ImportBackup,
    'restore_backup': RestoreBackup,
}
