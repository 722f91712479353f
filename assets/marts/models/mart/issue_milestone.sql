-- One row per issue and milestone that it is in now.
{{ bridge('milestone', 'versions') }}
