-- The types that stand in the index.
select value from event_counts where dimension = 'type' order by value
