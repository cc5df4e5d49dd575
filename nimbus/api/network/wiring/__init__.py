"""How ports are wired, over HTTP."""
