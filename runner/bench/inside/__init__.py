"""What runs inside the desktop: copied there, and run by its own Python. Imports nothing of deskswarm."""
