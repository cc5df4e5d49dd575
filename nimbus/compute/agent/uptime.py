"""How long the machine below an agent has been up."""

import os
import time


def uptime() -> str:
    """The line that the program uptime prints; no user is counted."""
    with open('/proc/uptime') as line:
        seconds = int(float(line.read().split()[0]))
    days, clock = seconds // 86400, f'{seconds // 3600 % 24:2d}:{seconds // 60 % 60:02d}'
    load = ', '.join(f'{value:.2f}' for value in os.getloadavg())
    since = f'{days} days, {clock}' if days else clock
    return f' {time.strftime("%H:%M:%S")} up {since},  0 users,  load average: {load}'
