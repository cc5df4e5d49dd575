"""How disks are kept."""
