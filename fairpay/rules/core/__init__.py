"""What a rule is, what it may ask of a month, and what several rules share: budgets, near ties."""
