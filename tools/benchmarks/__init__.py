"""The tables of benchmark.py, one file a table, and what they compare with."""
