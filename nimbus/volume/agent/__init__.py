"""The volume agent: the disks of one host."""
