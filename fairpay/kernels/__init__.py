"""Compiled loops: NumPy in, NumPy out. Each kernel states its shapes, types and bounds."""
