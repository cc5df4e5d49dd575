"""Block devices and the other devices that a server is asked to have."""
