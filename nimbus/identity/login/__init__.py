"""How somebody shows who they are: passwords, passcodes, keys and signatures, and what they then get."""
