{{ mapped('units', {'space_key': 'text', 'hours_per_day': 'numeric', 'days_per_month': 'numeric'}) }}
