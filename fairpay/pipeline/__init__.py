"""The order of the stages: read, qualify, adjust, engine, rules, settle, result."""
