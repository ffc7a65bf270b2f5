"""A session as one page to look at: from the journal to a file that needs nothing else."""
