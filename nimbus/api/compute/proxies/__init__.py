"""Views of the other services, which clients had of compute before 2.36, and what is gone with them."""
