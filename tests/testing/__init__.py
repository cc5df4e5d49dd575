"""Tests of what nimbus gives to other people's tests."""
