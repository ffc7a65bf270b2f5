"""The commands and their options. What each does is in a module of its own, imported when it is called:
`deskswarm --help` has to answer at once."""
