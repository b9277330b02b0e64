"""A long log made by the database itself, for benchmarks that look for things in it."""

from __future__ import annotations

from typing import Final

import psycopg

BATCH: Final = 500_000

MAKE: Final = """
insert into stored_events (originator_id, originator_version, topic, state, notification_id, event_id,
                           recorded_at, actor_id, actor_role, dialect, request_id, causation_id, command)
select 'task-' || task, (n - 1) %% 10 + 1, topic, convert_to(case topic
           when 'task.created' then format(
               '{"task_id":%%s,"project_id":%%s,"creator_id":%%s,"title":"Task %%s of the plan",'
               '"description":"Something that has to be done, in a few words","priority":"%%s",'
               '"due_date":"2026-%%s-01T00:00:00.000000Z","estimated_centihours":%%s,"assignee_ids":[%%s,%%s]}',
               task, task %% 5000, actor, task, (array['low','medium','high'])[1 + task %% 3],
               lpad((1 + task %% 12)::text, 2, '0'), 100 * (task %% 80), actor, actor + 1)
           when 'task.hours_booked' then format(
               '{"task_id":%%s,"actual_centihours":%%s,"credits":[{"user_id":%%s,"centihours":%%s,'
               '"hourly_rate_cents":5000,"cost_cents":%%s}]}',
               task, n %% 4000, actor, n %% 800, 50 * (n %% 800))
           when 'task.details_changed' then format(
               '{"task_id":%%s,"changes":{"title":"Task %%s, better said"}}', task, task)
           when 'task.assigned' then format('{"task_id":%%s,"assignee_ids":[%%s]}', task, actor)
           else format('{"task_id":%%s,"status":"%%s"}', task,
                       (array['in_progress','completed','blocked','review'])[1 + n %% 4]) end, 'UTF8'),
       n, gen_random_uuid(), timestamptz '2025-01-01' + n * interval '3 seconds', actor,
       (array['admin','manager','user','user'])[1 + actor %% 4], (array['taskflow','taskforge'])[1 + n %% 2],
       'req_' || substr(md5(((n - 1) / 2)::text), 1, 20), null, 'ChangeTask'
from (select n, (n - 1) / 10 as task, 1 + (n * 2654435761) %% 1000 as actor,
             case when (n - 1) %% 10 = 0 then 'task.created'
                  when n %% 1000003 = 0 then 'task.deleted'
                  when n %% 7 = 0 then 'task.hours_booked'
                  when n %% 11 = 0 then 'task.details_changed'
                  when n %% 13 = 0 then 'task.assigned'
                  else 'task.status_changed' end as topic
      from generate_series(%(first)s::bigint, %(last)s::bigint) n) made
"""


def make_log(database_url: str, events: int) -> None:
    """Put `events` events about tasks into an empty log: 10 to a stream, 1,000 actors, 2 to a request."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        for first in range(1, events + 1, BATCH):
            connection.execute(MAKE, {"first": first, "last": min(first + BATCH - 1, events)})
        connection.execute("vacuum analyze stored_events")
