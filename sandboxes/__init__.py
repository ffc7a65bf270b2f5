"""A disposable desktop, and the ways to make one."""
