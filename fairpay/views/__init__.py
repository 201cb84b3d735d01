"""Pages of finished runs, for people who look: one file for each kind of run, made from its directory alone."""
