"""Monitors: what watches a session. Each is a module that can be read, and run over recorded steps, alone."""
