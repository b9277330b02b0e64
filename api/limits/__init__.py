"""How many requests are let pass: quotas of users and addresses, and limits of single operations."""
