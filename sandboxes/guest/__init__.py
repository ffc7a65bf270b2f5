"""The guest: the one small process that runs inside a desktop.

In an image this folder is mounted read-only as the package `deskswarm_guest`, so it imports
nothing but itself, the standard library and the few wheels the image holds.
"""
