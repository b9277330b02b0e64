"""The TaskFlow Pro API: its words, its envelope, its rules of who sees what."""
