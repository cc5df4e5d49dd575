"""The cloud of separate daemons, with its parts killed in the middle of things."""
