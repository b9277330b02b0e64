-- Its rebuild is over, as nobody has gone on with it; answers whether the generation may be removed, which is
-- not so when somebody has taken it up in this moment.
with unfinished as (
    select id from rebuilds
    where generation = %(generation)s and state in ('requested', 'running', 'stopped', 'kept')
), abandoned as (
    update rebuilds
    set state = 'cancelled', error = 'removed: nobody has gone on with it for a day',
        finished_at = clock_timestamp()
    where generation = %(generation)s and state in ('requested', 'running', 'stopped', 'kept')
      and greatest(created_at, started_at, finished_at) < clock_timestamp() - interval '1 minute'
      and not exists (
          select from projector_lease
          where name = 'generation-' || %(generation)s::bigint and until > clock_timestamp())
    returning id
)
select not exists (select id from unfinished except select id from abandoned)
