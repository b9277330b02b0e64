-- Models that may have keys in Redis, and which of these are to be removed.
select number, state = 'removing' from moments
