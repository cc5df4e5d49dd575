"""Types of volumes over HTTP: what they ask for, who may use them and which is the default."""
