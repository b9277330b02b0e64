-- What became of it: the log's identity, the next ids, who of those wanted is erased, how many have no key; one row.
with keyless as (
    select split_part(e.originator_id, '-', 2)::bigint as user_id from stored_events e
    where e.originator_id ~ '^user-[0-9]+$' and e.originator_version = 1
      and not exists (select from user_keys k
                      where k.user_id = split_part(e.originator_id, '-', 2)::bigint)
)
select (select log_id::text from log_identity),
       (select jsonb_object_agg(replace(s.sequencename, '_ids', ''), coalesce(s.last_value, 0) + 1)
        from pg_sequences s where s.schemaname = current_schema() and s.sequencename like '%%\_ids'),
       array(select user_id from keyless where user_id = any(%(wanted)s::bigint[]) order by 1),
       (select count(*) from keyless)::int
