"""Images on a host: fetched, checked, cached, and made into disks."""
