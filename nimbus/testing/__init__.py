"""For tests of other people's programs: a fake cloud as a child process, `nimbus run`, and the plugin for pytest."""
