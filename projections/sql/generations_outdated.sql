-- Generations that nobody will go back to, as the one that readers go to sees it: those of the same code
-- that are fed no more, all of other code but the one in use last, and those begun and given up, on which
-- nobody has worked for a day.
with own as (
    select id, fingerprint from generations where id = %(generation)s and is_current
), leased as (
    select name, until from projector_lease where name like 'generation-%%'
)
select each.id from generations each, own
where each.fingerprint = own.fingerprint and each.id <> own.id and each.state = 'ready'
  and coalesce(each.fed_until <= clock_timestamp(), true)
union all
(select each.id from generations each, own
 where each.fingerprint <> own.fingerprint and each.state = 'ready'
 order by each.is_current desc, each.ready_at desc offset 1)
union all
select each.id from generations each, own
where each.id <> own.id and each.state = 'building'
  and greatest(
          each.created_at,
          (select max(greatest(r.created_at, r.started_at, r.finished_at))
           from rebuilds r where r.generation = each.id),
          (select until from leased where name = 'generation-' || each.id)
      ) < clock_timestamp() - interval '1 day'
