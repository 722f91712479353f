{{ mapped('capacity', {
    'space_key': 'text', 'person': 'text', 'project_key': 'text', 'from_day': 'date', 'to_day': 'date',
    'hours_per_day': 'numeric', 'share': 'numeric'
}) }}
