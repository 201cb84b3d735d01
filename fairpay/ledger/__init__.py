"""books: a month that finance can close, defend and correct: pools, splits, the ledger, adjustments, statements."""
