"""Made-up months from a seed: of any size, which learn nothing from real users, or with the statistics of a log."""
