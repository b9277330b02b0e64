-- The generation that readers of this folding code go to, if there is one.
select id from generations where fingerprint = %(fingerprint)s and is_current
