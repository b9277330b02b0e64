-- list_ways_in: how many live sessions and refresh tokens a user has, with each of a page, by their numbers
-- The direction is 1, or -1 for the highest number first.
with live as (
    select id, 'taskflow' as application, created_at, last_seen_at, expires_at, address, user_agent
    from sessions
    where user_id = %(user_id)s
      and expires_at > clock_timestamp()
      and last_seen_at > clock_timestamp() - make_interval(secs => %(idle_s)s)
    union all
    select id, 'taskforge', issued_at, last_used_at, expires_at, address, user_agent
    from refresh_tokens
    where user_id = %(user_id)s and revoked_at is null and expires_at > clock_timestamp()
), page as (
    select * from live order by id * %(direction)s limit %(limit)s offset %(offset)s
)
select (select count(*) from live), page.*
from (values (1)) as always_a_row left join page on true
order by page.id * %(direction)s;

-- has_way_in: whether a live session or refresh token of a user has this number
select exists (
    select from sessions
    where id = %(id)s and user_id = %(user_id)s
      and expires_at > clock_timestamp()
      and last_seen_at > clock_timestamp() - make_interval(secs => %(idle_s)s)
) or exists (
    select from refresh_tokens
    where id = %(id)s and user_id = %(user_id)s and revoked_at is null and expires_at > clock_timestamp()
);
