"""All runs of this machine in a browser, live: the pages of `runner.replay` from a server on the loopback."""
