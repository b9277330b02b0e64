-- Commit when a synchronous standby has all that can be seen now. Where there is none, nothing is written.
select case when current_setting('synchronous_standby_names') <> ''
            then pg_logical_emit_message(true, 'taskledger', 'confirm') is not null end
