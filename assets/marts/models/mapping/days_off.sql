{{ mapped('days_off', {
    'space_key': 'text', 'from_day': 'text', 'to_day': 'text', 'is_working': 'boolean', 'name': 'text'
}) }}
