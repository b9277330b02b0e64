-- Ask for a generation to be folded beside the live one; no row while another one is not finished.
insert into rebuilds (fingerprint, generation, purpose, runs_in, switch_if, asked_by, reason)
values (%(fingerprint)s, %(generation)s, %(purpose)s, %(runs_in)s, %(switch_if)s, %(asked_by)s, %(reason)s)
on conflict (fingerprint) where state in ('requested', 'running', 'stopped', 'kept') do nothing
returning to_jsonb(rebuilds)
