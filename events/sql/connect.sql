-- Make a new connection one of the application's: its role where there is one, and its bounds.
select set_config('statement_timeout', %(statement_timeout_ms)s, false),
       set_config('lock_timeout', %(statement_timeout_ms)s, false),
       set_config('idle_in_transaction_session_timeout', '10000', false),
       -- Known without a look at the machine's time zones, which would block.
       set_config('TimeZone', 'UTC', false),
       -- All queries here are look-ups in an index: no plan made for a small table may scan a grown one.
       set_config('enable_seqscan', 'off', false),
       set_config('jit', 'off', false),
       (select set_config('role', r.rolname, false) from pg_roles r
        where r.rolname = 'taskledger_app'
          and pg_has_role(session_user, r.oid,
                          case when current_setting('server_version_num')::int < 160000
                               then 'MEMBER' else 'SET' end))
