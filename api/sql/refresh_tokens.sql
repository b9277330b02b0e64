-- keep_refresh_token: a token for whoever proved a password, unless the password changed meanwhile
-- The lock makes a change of the password wait until it can see the token, or this until it is known.
insert into refresh_tokens (token_hash, user_id, expires_at)
select %(token_hash)s, user_id, to_timestamp(%(expires_at_s)s)
from credentials where user_id = %(user_id)s and password_hash = %(password_hash)s
for share;

-- is_refresh_token_live: whether a token that was given to a user still counts
select revoked_at is null and expires_at > clock_timestamp()
from refresh_tokens where token_hash = %(token_hash)s and user_id = %(user_id)s;

-- revoke_refresh_token: signing out; only a user's own token
update refresh_tokens set revoked_at = clock_timestamp()
where token_hash = %(token_hash)s and user_id = %(user_id)s and revoked_at is null;

-- purge_refresh_tokens: forget some tokens that would be refused for their age alone
delete from refresh_tokens where token_hash in (
    select token_hash from refresh_tokens where expires_at < clock_timestamp() limit %(batch_max)s);
