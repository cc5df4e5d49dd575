"""Subnets and what ranges and addresses come from, over HTTP."""
