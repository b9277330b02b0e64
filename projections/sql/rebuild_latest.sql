-- The last rebuild of this folding code, whatever became of it.
select to_jsonb(r) from rebuilds r where fingerprint = %(fingerprint)s order by id desc limit 1
