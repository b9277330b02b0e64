"""Inputs that nobody thought of: whatever they are, a parser takes them or refuses them in its own words."""
