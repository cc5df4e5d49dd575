"""Installs nimbus on this machine, starts it with what it needs, and stops all of it again.

The bash scripts in this folder are the commands; the modules here do their work.
"""
