"""Solving for what a rule needs of everybody, over the blocks of a month: the same bytes for any blocks."""
