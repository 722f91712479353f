"""People in what is stored: masked, forgotten, looked for."""
