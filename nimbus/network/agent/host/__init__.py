"""What network drivers use of a host: commands, daemons, files, namespaces and links."""
