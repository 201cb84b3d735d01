"""Where a rule runs: on this machine (`local`), later on a cluster."""
