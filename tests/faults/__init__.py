"""The fault lab: a whole ledger of real processes, a seeded nemesis, and a checker that can fail."""
