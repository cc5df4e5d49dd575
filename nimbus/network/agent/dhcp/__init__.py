"""DHCP and DNS for guests."""
