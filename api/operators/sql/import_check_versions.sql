-- A stream whose versions leave a gap; their number and the last one tell, as no version comes twice.
select originator_id from stored_events
group by originator_id having max(originator_version) <> count(*) limit 1
