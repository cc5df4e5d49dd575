"""The proxy between browsers and the consoles of guests: websockets on one side, VNC and serial ports on the other.

Daemon: nimbus-console on control hosts.  Who has a token of `nimbus.compute.console_tokens` is let through.
"""
