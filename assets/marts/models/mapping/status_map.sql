{{ mapped('status_map', {'project_key': 'text', 'status': 'text', 'stage': 'text'}) }}
