"""Formats that are neither text nor Parquet, one file each, found by the format's name.

Each has a function `opened`, which looks into a file as far as needed to know its columns.
"""
