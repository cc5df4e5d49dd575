"""What takes long, step by step with undos: the runner of jobs, the workflows, and the desks agents report to.

Run by nimbus-conductor, in any number; the table `jobs` is common's.
"""
