"""The controller: plans, dispatch, sessions, checkpoints, replay and the command line."""
