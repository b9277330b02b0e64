-- keep_refresh_token: a token for whoever proved a password, unless the password changed meanwhile
-- The lock makes a change of the password wait until it can see the token, or this until it is known.
insert into refresh_tokens (token_hash, user_id, expires_at, address, user_agent)
select %(token_hash)s, user_id, to_timestamp(%(expires_at_s)s), %(address)s, %(user_agent)s
from credentials where user_id = %(user_id)s and changes = %(changes)s
for share;

-- find_refresh_token: a token that was given to a user: whether it was taken back, whether it still counts
-- And last, whether to note that it was used.
select id, revoked_at is not null, revoked_at is null and expires_at > clock_timestamp(),
       last_used_at < clock_timestamp() - make_interval(secs => %(touch_s)s)
from refresh_tokens where token_hash = %(token_hash)s and user_id = %(user_id)s;

-- touch_refresh_token: note that a token was used; the standby may lack it
update refresh_tokens set last_used_at = clock_timestamp()
where id = %(id)s and revoked_at is null and set_config('synchronous_commit', 'local', true) = 'local';

-- revoke_refresh_token: signing out; only a user's own token
update refresh_tokens set revoked_at = clock_timestamp()
where token_hash = %(token_hash)s and user_id = %(user_id)s and revoked_at is null;

-- purge_refresh_tokens: forget some tokens that would be refused for their age alone
delete from refresh_tokens where token_hash in (
    select token_hash from refresh_tokens where expires_at < clock_timestamp() limit %(batch_max)s);
