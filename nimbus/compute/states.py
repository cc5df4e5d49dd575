"""The states of a server: which verb is allowed in which, and the status that the API shows for each."""

from typing import Any

from nimbus.common.states import Machine, rule

BUILDING, ACTIVE, STOPPED, PAUSED, SUSPENDED, RESCUED, RESIZED, SHELVED, OFFLOADED, SOFT_DELETED, ERROR, DELETED = (
    'building',
    'active',
    'stopped',
    'paused',
    'suspended',
    'rescued',
    'resized',
    'shelved',
    'shelved_offloaded',
    'soft-delete',
    'error',
    'deleted',
)
LIVING = frozenset(
    {BUILDING, ACTIVE, STOPPED, PAUSED, SUSPENDED, RESCUED, RESIZED, SHELVED, OFFLOADED, SOFT_DELETED, ERROR}
)
SETTLED = frozenset({ACTIVE, STOPPED, PAUSED, SUSPENDED})

SCHEDULING, NETWORKING, DISKS, SPAWNING = 'scheduling', 'networking', 'block_device_mapping', 'spawning'
DELETING, SOFT_DELETING, RESTORING = 'deleting', 'soft-deleting', 'restoring'
REBUILDING, REBUILT_SPAWNING = 'rebuilding', 'rebuild_spawning'
REBUILDS = frozenset({REBUILDING, 'rebuild_block_device_mapping', REBUILT_SPAWNING})
REBOOTS = frozenset({'rebooting', 'reboot_pending', 'reboot_started'})
HARD_REBOOTS = frozenset({'rebooting_hard', 'reboot_pending_hard', 'reboot_started_hard'})

RESIZING, MIGRATING, MIGRATED, FINISHING = 'resize_prep', 'resize_migrating', 'resize_migrated', 'resize_finish'
MOVING = 'migrating'
RESIZES = frozenset({RESIZING, MIGRATING, MIGRATED, FINISHING})
CONFIRMING, REVERTING = 'resize_confirming', 'resize_reverting'

SNAPSHOTTING, BACKING_UP, PENDING_UPLOAD, UPLOADING = (
    'image_snapshot',
    'image_backup',
    'image_pending_upload',
    'image_uploading',
)
IMAGING = frozenset({SNAPSHOTTING, BACKING_UP, PENDING_UPLOAD, UPLOADING})
SHELVING, OFFLOADING, UNSHELVING = 'shelving', 'shelving_offloading', 'unshelving'
# While a verb writes disks, as the scheduler counts the work of a host.
AT_DISKS = frozenset(
    {RESIZING, MIGRATING, REBUILDING, REBUILT_SPAWNING, SNAPSHOTTING, BACKING_UP, PENDING_UPLOAD, UPLOADING}
    | {'rescuing', UNSHELVING, SHELVING}
)
# What an image of a server that is about to be sent, and one that is being sent, are told by, for each verb.
SENDING = {
    'snapshot': (PENDING_UPLOAD, UPLOADING),
    'backup': (PENDING_UPLOAD, UPLOADING),
    'shelve': ('shelving_image_pending_upload', 'shelving_image_uploading'),
}

# libvirt's numbers, as the wire shows them.
NO_POWER, RUNNING, POWER_PAUSED, SHUTDOWN, CRASHED = 0, 1, 3, 4, 6

# The task states one verb goes through: only that verb may lead from one to another, or out of them.
TASKS = {
    'build': frozenset({SCHEDULING, NETWORKING, DISKS, SPAWNING}),
    'delete': frozenset({DELETING}),
    'start': frozenset({'powering-on'}),
    'stop': frozenset({'powering-off'}),
    'reboot': REBOOTS,
    'reboot_hard': HARD_REBOOTS,
    'pause': frozenset({'pausing'}),
    'unpause': frozenset({'unpausing'}),
    'suspend': frozenset({'suspending'}),
    'resume': frozenset({'resuming'}),
    'soft_delete': frozenset({SOFT_DELETING}),
    'restore': frozenset({RESTORING}),
    'rebuild': REBUILDS,
    'evacuate': REBUILDS,
    'rescue': frozenset({'rescuing'}),
    'unrescue': frozenset({'unrescuing'}),
    'resize': RESIZES,
    'migrate': RESIZES,
    'migrate_live': frozenset({MOVING}),
    'confirm_resize': frozenset({CONFIRMING}),
    'revert_resize': frozenset({REVERTING}),
    'snapshot': IMAGING,
    'backup': IMAGING,
    'shelve': frozenset({SHELVING, *SENDING['shelve']}),
    'shelve_offload': frozenset({OFFLOADING}),
    'unshelve': frozenset({UNSHELVING}),
}

MACHINE = Machine(
    # verb | allowed in | while running | ends in | if it fails | may break into
    rule('build', {BUILDING}, SCHEDULING, ACTIVE, ERROR, over=TASKS['build']),
    rule('delete', LIVING, DELETING, DELETED, ERROR, over={'*'}),
    rule('start', {STOPPED}, 'powering-on', ACTIVE),
    rule('stop', {ACTIVE, ERROR}, 'powering-off', STOPPED),
    rule('reboot', {ACTIVE}, 'rebooting', ACTIVE, ERROR),
    rule(
        'reboot_hard',
        {ACTIVE, STOPPED, PAUSED, SUSPENDED, ERROR},
        'rebooting_hard',
        ACTIVE,
        ERROR,
        over=REBOOTS | {'rebooting_hard'},
    ),
    rule('pause', {ACTIVE}, 'pausing', PAUSED),
    rule('unpause', {PAUSED}, 'unpausing', ACTIVE),
    rule('suspend', {ACTIVE}, 'suspending', SUSPENDED),
    rule('resume', {SUSPENDED}, 'resuming', ACTIVE),
    rule('soft_delete', LIVING - {BUILDING}, SOFT_DELETING, SOFT_DELETED, over={'*'}),
    rule('restore', {SOFT_DELETED}, RESTORING, ACTIVE),
    rule('rebuild', {ACTIVE, STOPPED, ERROR}, REBUILDING, ACTIVE, ERROR),
    rule('evacuate', {ACTIVE, STOPPED, ERROR}, REBUILDING, ACTIVE),
    rule('rescue', {ACTIVE, STOPPED, ERROR}, 'rescuing', RESCUED),
    rule('unrescue', {RESCUED}, 'unrescuing', ACTIVE, ERROR),
    rule('change_password', {ACTIVE}, None),
    rule('trigger_crash_dump', {ACTIVE, PAUSED, RESCUED, RESIZED, ERROR}, None),
    rule('resize', {ACTIVE, STOPPED}, RESIZING, RESIZED),
    rule('migrate', {ACTIVE, STOPPED}, RESIZING, RESIZED),
    rule('migrate_live', {ACTIVE, PAUSED}, MOVING),
    rule('confirm_resize', {RESIZED}, CONFIRMING, ACTIVE),
    rule('revert_resize', {RESIZED}, REVERTING, ACTIVE),
    rule('snapshot', SETTLED, SNAPSHOTTING),
    rule('backup', SETTLED, BACKING_UP),
    rule('shelve', SETTLED, SHELVING, SHELVED),
    rule('shelve_offload', {SHELVED}, OFFLOADING, OFFLOADED),
    rule('unshelve', {SHELVED, OFFLOADED}, UNSHELVING, ACTIVE),
    rule('attach_volume', {ACTIVE, STOPPED, PAUSED, RESIZED, SHELVED, OFFLOADED, SOFT_DELETED}, None),
    rule('detach_volume', {ACTIVE, STOPPED, PAUSED, RESIZED, SHELVED, OFFLOADED, SOFT_DELETED}, None),
    rule('attach_interface', {ACTIVE, STOPPED, PAUSED}, None),
    rule('detach_interface', {ACTIVE, STOPPED, PAUSED}, None),
    rule('update metadata', SETTLED, None, over={'*'}),
    rule('delete metadata', SETTLED, None, over={'*'}),
    noun='instance',
    state='vm_state',
    busy='task_state',
)
# What a user calls a verb, where that is another word.
TOLD = {
    'reboot_hard': 'reboot',
    'soft_delete': 'delete',
    'change_password': 'changePassword',
    'migrate_live': 'os-migrateLive',
    'confirm_resize': 'confirmResize',
    'revert_resize': 'revertResize',
    'snapshot': 'createImage',
    'backup': 'createBackup',
    'shelve_offload': 'shelveOffload',
}
# Verbs for a guest that ran at least once.
LAUNCHED = frozenset(MACHINE.rules) - {'build', 'delete', 'update metadata', 'delete metadata'}
# A verb that is not here leaves the guest as it is.
POWER_AFTER = {
    'build': RUNNING,
    'start': RUNNING,
    'reboot': RUNNING,
    'reboot_hard': RUNNING,
    'stop': SHUTDOWN,
    'pause': POWER_PAUSED,
    'unpause': RUNNING,
    'suspend': SHUTDOWN,
    'resume': RUNNING,
    'soft_delete': SHUTDOWN,
    'restore': RUNNING,
    'rebuild': RUNNING,
    'evacuate': RUNNING,
    'rescue': RUNNING,
    'unrescue': RUNNING,
    'resize': RUNNING,
    'migrate': RUNNING,
    'confirm_resize': RUNNING,
    'revert_resize': RUNNING,
    'shelve': SHUTDOWN,
    'shelve_offload': SHUTDOWN,
    'unshelve': RUNNING,
}

STATUS = {
    BUILDING: 'BUILD',
    ACTIVE: 'ACTIVE',
    STOPPED: 'SHUTOFF',
    PAUSED: 'PAUSED',
    SUSPENDED: 'SUSPENDED',
    RESCUED: 'RESCUE',
    RESIZED: 'VERIFY_RESIZE',
    SHELVED: 'SHELVED',
    OFFLOADED: 'SHELVED_OFFLOADED',
    SOFT_DELETED: 'SOFT_DELETED',
    ERROR: 'ERROR',
    DELETED: 'DELETED',
}
# Statuses of states in which some tasks are told instead: status -> the states and the tasks.
BUSY_STATUSES = {
    'REBOOT': ((ACTIVE,), REBOOTS),
    'HARD_REBOOT': ((ACTIVE,), HARD_REBOOTS),
    'REBUILD': ((ACTIVE, STOPPED, ERROR), REBUILDS),
    'RESIZE': ((ACTIVE, STOPPED), RESIZES),
    'MIGRATING': ((ACTIVE, PAUSED), frozenset({MOVING})),
    'REVERT_RESIZE': ((RESIZED,), frozenset({REVERTING})),
}
BUSY_STATUS = {
    (state, task): name for name, (found, tasks) in BUSY_STATUSES.items() for state in found for task in tasks
}
# Statuses of verbs that are not built: a list may be filtered by them and is then empty.
OTHER_STATUSES = frozenset(
    {
        'PASSWORD',
    }
)
PROGRESSING = frozenset({ACTIVE, BUILDING})  # states whose view has a progress
FAULTY = frozenset({ERROR, DELETED})  # states whose view shows the fault


def status(row: Any) -> str:
    """The status that the API shows for a server's vm_state and task_state."""
    if row.task_state is not None and (told := BUSY_STATUS.get((row.vm_state, row.task_state))):
        return told
    return STATUS.get(row.vm_state, 'UNKNOWN')


def told_instead(state: str) -> frozenset[str]:
    """The tasks in which the state has another status than its own."""
    return frozenset(task for found, task in BUSY_STATUS if found == state)


def states_of(statuses: list[str]) -> tuple[list[tuple[str, frozenset[str] | None]], bool]:
    """What a filter by status means: pairs of state and tasks (None: every task but those told instead), and if all
    are known.

    A status that nimbus never shows is known and matches nothing.
    """
    pairs: list[tuple[str, frozenset[str] | None]] = []
    known = True
    for wanted in (word.upper() for word in statuses):
        if wanted in BUSY_STATUSES:
            found, tasks = BUSY_STATUSES[wanted]
            pairs += [(state, tasks) for state in found]
        elif plain := [state for state, name in STATUS.items() if name == wanted]:
            pairs.append((plain[0], None))
        elif wanted not in OTHER_STATUSES:
            known = False
    return pairs, known
