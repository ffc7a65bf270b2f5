"""What every backend must do, as checks anyone can run on theirs (`docs/backends.md`).

`suite.run_suite` runs them all. A check is a plain async function of a `subject.Subject`: it returns what it
saw, and raises where the backend does not do what it must.
"""
