"""Re-execution: the recorded actions of an attempt on a fresh desktop, compared step by step."""
