"""Volumes: disks that are independent of servers, and their attachments.

Daemon: nimbus-volume on each host with storage (`agent/`), which makes, grows
and removes the disks; rows and quotas are kept by the API and the conductor's
workflows.  Tables: volumes, volume_metadata, volume_attachments, volume_types,
volume_transfers, volume_messages, volume_default_types,
volume_qos_specs.
"""
