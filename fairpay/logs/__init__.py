"""Logs and the tables beside them: found, their columns agreed on over all files, read by Polars."""
