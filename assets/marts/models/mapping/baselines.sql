{{ mapped('baselines', {'space_key': 'text', 'project_key': 'text', 'baseline_day': 'date'}) }}
