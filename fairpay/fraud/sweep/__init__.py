"""Designing a policy: one rule with many values of a parameter, weighed in one walk, and what each value invites."""
