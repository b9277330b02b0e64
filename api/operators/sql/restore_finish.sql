-- After the tables are there: whether all is there, and what must not go on as it was in the backup.
select set_config('search_path', format('%I', current_setting('restoring.schema')), true);

do $$
declare
    expected jsonb := current_setting('restoring.rows')::jsonb;
    is_latest boolean := current_setting('restoring.is_latest')::boolean;
    skip_ids bigint := current_setting('restoring.skip_ids')::bigint;
    thing record;
    found bigint;
    named bigint[] := array(select jsonb_array_elements_text(current_setting('restoring.named')::jsonb)::bigint);
    erased bigint[] := array(select jsonb_array_elements_text(current_setting('restoring.erased')::jsonb)::bigint);
    private text;
begin
    for thing in select * from jsonb_each_text(expected) loop
        execute format('select count(*) from %I', thing.key) into found;
        if found <> thing.value::bigint then
            raise exception 'the table % has % rows; the backup says %', thing.key, found, thing.value;
        end if;
    end loop;
    if (select count(*) <> coalesce(max(notification_id), 0) from stored_events) then
        raise exception 'the positions of the log have gaps';
    end if;
    if not exists (select from pg_trigger t
                   where t.tgrelid = 'stored_events'::regclass and t.tgname = 'stored_events_are_forever'
                     and t.tgenabled = 'A') then
        raise exception 'the trigger that keeps the log from being changed is missing';
    end if;

    -- Numbers that somebody may have seen belong to what was lost, and are never given out again.
    for thing in
        select s.sequencename as name,
               greatest(coalesce(s.last_value, 0)
                            + case when s.sequencename like '%\_ids' then skip_ids else 0 end,
                        coalesce(n.given_out, 0)) as last
        from pg_sequences s left join pg_temp.restoring_numbers n on n.name = s.sequencename
        where s.schemaname = current_schema()
    loop
        if thing.last > 0 then
            perform setval(thing.name::regclass, thing.last);
        end if;
    end loop;

    -- A number that means nobody is a mistake, by which the person who was meant would come back.
    foreach found in array named loop
        if not exists (select from stored_events e
                       where e.originator_id = 'user-' || found and e.originator_version = 1) then
            raise exception 'the backup has no user %; leave out whoever came later, and look for a slip', found;
        end if;
    end loop;
    -- Who was erased after the backup was made stays erased, if what was replaced was the same ledger.
    if not exists (select from stored_events s
                   where s.notification_id = 1 and s.event_id::text = current_setting('restoring.first_event')) then
        erased := '{}';
    end if;
    foreach private in array array['user_keys', 'credentials', 'sessions', 'refresh_tokens', 'known_places'] loop
        if to_regclass(private) is not null then
            execute format('delete from %I where user_id = any ($1)', private) using named || erased;
        end if;
    end loop;

    -- Read models of the past are kept in Redis, where nothing is left of them.
    if to_regclass('moments') is not null then
        delete from moments;
    end if;

    -- Positions will be taken by other events than those that somebody has seen there: after every backup
    -- the log tells at least of that.
    update log_identity set log_id = gen_random_uuid();
    if to_regclass('event_index_state') is not null then
        update event_index_state set log_id = (select log_id from log_identity);
    end if;
    if not is_latest then
        -- Sessions that were ended since would be good again.
        delete from sessions;
        if to_regclass('refresh_tokens') is not null then
            delete from refresh_tokens;
        end if;
    end if;
end $$;

-- Nothing is left in Redis of what was folded: nobody can go back to it, and no rebuild of it goes on.
with given_up as (
    update rebuilds set state = 'cancelled', finished_at = clock_timestamp()
    where state in ('requested', 'running', 'stopped', 'kept')
), let_go as (
    update projector_lease set until = clock_timestamp()
)
update generations set state = 'removed', fed_until = null, retired_at = clock_timestamp()
where not is_current and state <> 'removed';
commit;
