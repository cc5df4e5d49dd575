"""Guests of libvirt that go from host to host."""
