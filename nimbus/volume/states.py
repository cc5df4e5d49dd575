"""The states of volumes, snapshots and backups, and which verb leads from which state to which."""

from nimbus.common.states import ANY, Machine, rule

CREATING, DOWNLOADING, AVAILABLE, RESERVED = 'creating', 'downloading', 'available', 'reserved'
ATTACHING, IN_USE, DETACHING, MAINTENANCE = 'attaching', 'in-use', 'detaching', 'maintenance'
DELETING, EXTENDING, REVERTING, RESTORING = 'deleting', 'extending', 'reverting', 'restoring'
UPLOADING = 'uploading'
BACKING_UP, RESTORING_BACKUP = 'backing-up', 'restoring-backup'
ERROR, ERROR_DELETING, ERROR_EXTENDING = 'error', 'error_deleting', 'error_extending'
ERROR_RESTORING, AWAITING_TRANSFER = 'error_restoring', 'awaiting-transfer'
ALL = (
    *(CREATING, DOWNLOADING, AVAILABLE, RESERVED, ATTACHING, IN_USE, DETACHING, MAINTENANCE),
    *(DELETING, EXTENDING, REVERTING, UPLOADING, BACKING_UP, RESTORING_BACKUP, AWAITING_TRANSFER),
    *(ERROR, ERROR_DELETING, ERROR_EXTENDING, ERROR_RESTORING),
)
# What an operator may set by hand.
SETTABLE = ('creating', 'available', 'deleting', 'error', 'error_deleting', 'error_managing', 'managing', 'attaching',
            'in-use', 'detaching', 'maintenance', 'restoring-backup', 'error_restoring', 'reserved',
            'awaiting-transfer', 'backing-up', 'error_backing-up', 'error_extending', 'downloading', 'uploading',
            'retyping', 'extending')  # fmt: skip
SETTABLE_ATTACH = ('attached', 'detached')
SETTABLE_MIGRATION = ('migrating', 'error', 'success', 'completing', 'none', 'starting')

MACHINE = Machine(
    rule('create', {CREATING, DOWNLOADING}, CREATING, done=AVAILABLE, failed=ERROR),
    rule('download', {CREATING, DOWNLOADING}, DOWNLOADING, done=AVAILABLE, failed=ERROR),
    rule('delete', {AVAILABLE, ERROR, ERROR_EXTENDING, ERROR_RESTORING}, DELETING, failed=ERROR_DELETING),
    rule('force_delete', ANY, DELETING, failed=ERROR_DELETING),
    rule('extend', {AVAILABLE}, EXTENDING, done=AVAILABLE, failed=ERROR_EXTENDING),
    # The disk that could not be grown is whole, and its server can give it up.
    rule('extend_attached', {IN_USE}, EXTENDING, done=IN_USE, failed=IN_USE),
    rule('revert', {AVAILABLE}, REVERTING, done=AVAILABLE, failed=ERROR),
    rule('upload', {AVAILABLE}, UPLOADING, done=AVAILABLE, failed=AVAILABLE),
    rule('back_up', {AVAILABLE}, BACKING_UP, done=AVAILABLE, failed=AVAILABLE),
    rule('restore_backup', {AVAILABLE}, RESTORING_BACKUP, done=AVAILABLE, failed=ERROR_RESTORING),
    rule('reserve', {AVAILABLE}, RESERVED),
    rule('begin_attach', {AVAILABLE}, ATTACHING),
    rule('unreserve', {ATTACHING, RESERVED}, AVAILABLE),
    rule('attach', {AVAILABLE, ATTACHING, RESERVED, IN_USE}, IN_USE),
    rule('begin_detach', {IN_USE}, DETACHING),
    rule('roll_detach', {DETACHING}, IN_USE),
    rule('offer', {AVAILABLE}, AWAITING_TRANSFER),
    rule('end_offer', {AWAITING_TRANSFER}, AVAILABLE),
    rule('reset', ANY, None),
    noun='volume',
    state='status',
)
SNAPSHOT_STATES = (CREATING, AVAILABLE, DELETING, RESTORING, BACKING_UP, ERROR, ERROR_DELETING)
# What an operator may set by hand.
SETTABLE_SNAPSHOT = ('error', 'available', 'creating', 'deleting', 'deleted', 'updating', 'error_deleting',
                     'unmanaging', 'backing-up', 'restoring')  # fmt: skip
SNAPSHOTS = Machine(
    rule('create', {CREATING}, CREATING, done=AVAILABLE, failed=ERROR),
    rule('delete', {AVAILABLE, ERROR}, DELETING, failed=ERROR_DELETING),
    rule('force_delete', ANY, DELETING, failed=ERROR_DELETING),
    rule('restore', {AVAILABLE}, RESTORING, done=AVAILABLE, failed=AVAILABLE),
    rule('back_up', {AVAILABLE}, BACKING_UP, done=AVAILABLE, failed=AVAILABLE),
    rule('reset', ANY, None),
    noun='snapshot',
    state='status',
)
BACKUP_STATES = (CREATING, AVAILABLE, DELETING, RESTORING, ERROR, ERROR_DELETING)
SETTABLE_BACKUP = ('available', 'error')  # what an operator may set by hand
BACKUPS = Machine(
    rule('create', {CREATING}, CREATING, done=AVAILABLE, failed=ERROR),
    rule('delete', {AVAILABLE, ERROR}, DELETING, failed=ERROR_DELETING),
    rule('force_delete', ANY, DELETING, failed=ERROR_DELETING),
    rule('restore', {AVAILABLE}, RESTORING, done=AVAILABLE, failed=AVAILABLE),
    rule('reset', ANY, None),
    noun='backup',
    state='status',
)
