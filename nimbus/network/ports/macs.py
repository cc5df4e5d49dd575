"""MAC addresses for ports that are given none."""

import random

BASE = 'fa:16:3e'  # the cloud's own prefix
PICK = random.SystemRandom()


def new() -> str:
    """A random address under the cloud's own prefix."""
    return ':'.join([BASE, *(f'{PICK.randrange(256):02x}' for _ in range(3))])
