"""Serves one daemon's REST APIs from several processes: Python computes in one thread of a process at a time."""
