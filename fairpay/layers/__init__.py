"""Layers over a user's own split: own history, stated wishes, delegation. Each keeps each user's money whole."""
