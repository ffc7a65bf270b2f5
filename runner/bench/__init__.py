"""Benchmarks: what a desktop costs, beside a plain baseline measured in the same run (`scripts/bench`)."""
