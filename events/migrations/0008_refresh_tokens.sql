-- Refresh tokens by hash, so that they outlive restarts and a thief of the table gets none.
create table refresh_tokens (
    token_hash bytea primary key,
    user_id    bigint not null,
    issued_at  timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    revoked_at timestamptz
);
create index refresh_tokens_user_id_idx on refresh_tokens (user_id);
create index refresh_tokens_expires_at_idx on refresh_tokens (expires_at);

-- A new password and the end of sessions revoke refresh tokens, too; a deleted user keeps nothing.
create or replace function keep_private_row(private_row jsonb, moment timestamptz) returns void
language plpgsql volatile as $$
declare
    person bigint := (private_row->>'user_id')::bigint;
begin
    case private_row->>'kind'
    when 'password' then
        insert into credentials (user_id, password_hash, changed_at)
            values (person, private_row->>'password_hash', moment)
            on conflict (user_id) do update
            set password_hash = excluded.password_hash, changed_at = excluded.changed_at;
        delete from sessions where user_id = person;
        update refresh_tokens set revoked_at = moment where user_id = person and revoked_at is null;
    when 'end_sessions' then
        delete from sessions where user_id = person;
        update refresh_tokens set revoked_at = moment where user_id = person and revoked_at is null;
    when 'forget_user' then
        -- First, so that whoever is logging in, and locks this row, is done: what they got goes as well.
        delete from credentials where user_id = person;
        delete from sessions where user_id = person;
        delete from refresh_tokens where user_id = person;
    when 'user_key' then
        insert into user_keys (user_id, wrapped_key, created_at)
            values (person, decode(private_row->>'wrapped_key', 'hex'), moment);
    end case;
end $$;
