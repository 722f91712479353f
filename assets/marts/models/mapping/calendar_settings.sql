{{ mapped('calendar_settings', {'space_key': 'text', 'country': 'text', 'fiscal_year_begins': 'int'}) }}
