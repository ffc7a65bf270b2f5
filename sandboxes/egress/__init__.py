"""What a desktop may reach, and the proxy on this side of its stream that lets it.

There is no network interface in a desktop to get round: a program's connection is carried over the
desktop's own stream, and it is here that a name is looked up, judged and dialled.
"""
