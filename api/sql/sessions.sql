-- find_session: a session that lives and its user, when it ends at the latest, and whether to note that it was seen
select id, user_id, extract(epoch from expires_at - clock_timestamp())::float8,
       last_seen_at < clock_timestamp() - make_interval(secs => %(touch_s)s)
from sessions
where token_hash = %(token_hash)s
  and expires_at > clock_timestamp()
  and last_seen_at > clock_timestamp() - make_interval(secs => %(idle_s)s);

-- touch_session: note that a session was seen; the standby may lack it
update sessions set last_seen_at = clock_timestamp()
where token_hash = %(token_hash)s and last_seen_at < clock_timestamp() - make_interval(secs => %(touch_s)s)
  and set_config('synchronous_commit', 'local', true) = 'local';

-- start_session: a session for whoever proved a password, unless the password changed meanwhile
-- The lock makes a change of the password wait until it can see the session, or this until it is known.
insert into sessions (token_hash, user_id, expires_at, address, user_agent)
select %(token_hash)s, user_id, clock_timestamp() + make_interval(secs => %(life_s)s), %(address)s, %(user_agent)s
from credentials where user_id = %(user_id)s and changes = %(changes)s
for share;

-- end_session: signing out
delete from sessions where token_hash = %(token_hash)s;

-- purge_sessions: forget some sessions that ended
delete from sessions where token_hash in (
    select token_hash from sessions
    where expires_at < clock_timestamp()
       or last_seen_at < clock_timestamp() - make_interval(secs => %(idle_s)s)
    limit %(batch_max)s);
