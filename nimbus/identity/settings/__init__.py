"""What an operator configures of identity, as values that are handed down; nothing here asks a noun."""
