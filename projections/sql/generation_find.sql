-- The generation that this folding code makes; no row when two processes made it at the same moment.
with made as (
    insert into generations (fingerprint) values (%(fingerprint)s)
    on conflict (fingerprint) where state <> 'removed' do nothing
    returning id
)
select id from made
union all
select id from generations where fingerprint = %(fingerprint)s and state <> 'removed'
limit 1
