"""The scripted desktop behind the `simulated` backend: no display, no processes, one small application."""
