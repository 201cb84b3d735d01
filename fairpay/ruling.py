"""Rulings: decisions applied to plays."""
