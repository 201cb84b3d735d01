"""Which accounts and artists a person may want to look at, and what money they move."""
