-- This generation, unless readers of this code go to it.
select id from generations where id = %(generation)s and not (is_current and fingerprint = %(fingerprint)s)
