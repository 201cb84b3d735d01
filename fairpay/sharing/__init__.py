"""What may leave the house: parts that others add up, pseudonyms, and what a report tells of single listeners."""
