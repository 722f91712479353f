{{ config(
    severity='warn',
    meta={
        'description':
            'Values of custom fields that do not fit the type that the field has, as after it was changed: they '
            'are there as text, and have no number and no day.',
        'dagster': {'ref': {'name': 'issue_custom_field', 'package': 'backlog_elt'}},
    },
) }}
select space_key, issue_id, issue_key, custom_field_id, custom_field, field_type, text_value
from {{ ref('issue_custom_field') }}
where not is_deleted and not is_other and (
    field_type = 'number' and number_value is null
    or field_type = 'date' and date_value is null
    or field_type = 'unknown'
    or field_type in ('single list', 'multiple list', 'checkbox', 'radio') and item_id is null
)
