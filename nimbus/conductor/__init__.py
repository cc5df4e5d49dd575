"""Run long operations as jobs: workflows of steps with undos, their runner, and the desks that agents report to.

Run by nimbus-conductor, in any number; the table `jobs` is common's.
"""
