"""How events become documents."""
