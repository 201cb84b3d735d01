"""Frames for people, made from results only."""
