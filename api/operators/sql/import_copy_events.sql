-- Take events in; the columns are in the order of events.log.Stored.
copy stored_events (originator_id, originator_version, notification_id, topic, state, event_id, recorded_at,
                    actor_id, actor_role, dialect, request_id, causation_id, command) from stdin
