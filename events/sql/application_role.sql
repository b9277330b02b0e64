-- The role that the application works as: it may add to the log, never change it.
-- Run after every migration: the role may have come later, or be missing in a restored cluster.
do $$
begin
    begin
        create role taskledger_app nologin;
    exception
        when duplicate_object or unique_violation then null;  -- roles belong to the cluster: others make it too
        when insufficient_privilege then
            raise notice 'no right to create the role taskledger_app: the application keeps its own rights';
    end;
    if not exists (select from pg_roles where rolname = 'taskledger_app') then
        return;
    end if;
    begin
        if not pg_has_role(current_user, 'taskledger_app', 'MEMBER') then
            execute format('grant taskledger_app to %I', current_user);
        end if;
    exception
        when insufficient_privilege then
            raise notice '% may not become taskledger_app: the application keeps its own rights', current_user;
        when unique_violation or internal_error then null;  -- granted by another database's migration meanwhile
    end;
    execute format('grant usage on schema %I to taskledger_app', current_schema());
    grant select, insert on stored_events to taskledger_app;
    grant select on log_identity, events, schema_migrations to taskledger_app;
    grant select, insert, update, delete on
        commands, requests, credentials, user_keys, sessions, refresh_tokens, known_places, projector_lease, generations, rebuilds, dead_letters,
        moments, event_index, event_index_state, event_counts
        to taskledger_app;
    -- What was found out about another log is thrown away whole.
    grant truncate on event_index, event_index_state, event_counts to taskledger_app;
    grant usage on
        user_ids, department_ids, project_ids, task_ids, risk_ids, expense_ids, tag_ids, session_ids
        to taskledger_app;
end $$;
