"""A run of the journal as OpenTelemetry spans; docs/trace.md says what is in them.

All of it follows from the journal, ids too: a run that is exported again is the same trace. Only names,
numbers and kinds go out; what agents, desktops and people wrote stays in the journal.
"""
