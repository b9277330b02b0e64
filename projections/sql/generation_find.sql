-- The generation that readers of this folding code go to; no row when two processes made the first one
-- at the same moment.
with made as (
    insert into generations (fingerprint, is_current)
    select %(fingerprint)s, true
    where not exists (select from generations where fingerprint = %(fingerprint)s and is_current)
    on conflict (fingerprint) where is_current do nothing
    returning id
)
select id from made
union all
select id from generations where fingerprint = %(fingerprint)s and is_current
limit 1
