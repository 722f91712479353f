-- One row per issue and category that it has now.
{{ bridge('category', 'categories') }}
