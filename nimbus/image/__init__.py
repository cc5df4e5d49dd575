"""Images: the initial contents of servers' root disks and of volumes.

Daemon: nimbus-image, which serves the Image API and moves the bytes itself, so
that hashing and copying stay away from the other services.  Tables: images,
image_properties, image_tags, image_members, image_tasks.  Bytes lie in a store (`stores/`)
and enter it only through `transfers`, which hashes and inspects them on the way.
"""
