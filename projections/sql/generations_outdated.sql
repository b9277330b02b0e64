-- Generations that nobody will go back to: all but this one and the one in use before it,
-- and those that were begun and given up.
select id from (
    select id from generations where id <> %(generation)s and state = 'ready'
    order by ready_at desc offset 1
) before
union all
select id from generations
where id <> %(generation)s and state = 'building' and created_at < clock_timestamp() - interval '1 day'
