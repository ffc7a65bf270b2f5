"""The drill: a plan is run with faults, one to a run, and the journal says which safeguard caught each."""
