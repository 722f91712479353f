-- One row per issue and version in which it was found.
{{ bridge('version', 'versions') }}
