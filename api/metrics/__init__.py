"""Figures for those who watch over a ledger, as the page `/metrics` shows them to Prometheus."""
