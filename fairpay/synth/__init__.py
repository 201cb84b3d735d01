"""Made-up months of listening, of any size, from a seed; it learns nothing from real users, so nothing can leak."""
