"""Agents: guests of the factory floor. Each decides what to do next; none touches a desktop itself."""
