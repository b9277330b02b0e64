"""HTTP and people: dialects, settings, the command line, wiring."""
