"""What no decent client sends, by kind: each table says what is sent and what has to come back."""
