{{ mapped('working_hours', {
    'space_key': 'text', 'weekday': 'int', 'opens': 'time', 'closes': 'time', 'break_begins': 'time', 'break_ends': 'time'
}) }}
