-- People of this ledger who have no key, and whether they were deleted as well.
select split_part(e.originator_id, '-', 2)::bigint,
       exists (select from stored_events d
               where d.originator_id = e.originator_id and d.topic = 'user.deleted')
from stored_events e
where e.originator_id ~ '^user-[0-9]+$' and e.originator_version = 1
  and not exists (select from user_keys k where k.user_id = split_part(e.originator_id, '-', 2)::bigint)
order by 1
