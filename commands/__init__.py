"""What may be asked for, and whether it may happen."""
