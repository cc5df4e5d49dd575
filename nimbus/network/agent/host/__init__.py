"""What a host is made of for networks: commands, daemons, files, namespaces and plugs."""
