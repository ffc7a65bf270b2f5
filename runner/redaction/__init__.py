"""Redaction: secrets, password fields and named regions leave a session before anything is written."""
