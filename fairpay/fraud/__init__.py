"""What fakes would earn (audit), and who looks like one (detect, by signals)."""
