"""Exact money: currencies, amounts as integers, largest remainder."""
