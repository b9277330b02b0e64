"""Measurements, each run as a module."""
