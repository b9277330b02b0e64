"""The N-th-fault loop: whatever is done is done again with its N-th input or output failing, N = 1, 2, ….

So every place is reached at which something can fail, without anybody having to think of it. What is
wrapped are the real PostgreSQL and Valkey, the clock and the randomness of this process.
"""
