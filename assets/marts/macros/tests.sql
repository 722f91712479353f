{# A test runs while models are made. Most compare all rows of two tables: to merge them, the server would read them by index. #}
{% macro postgres__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {{ on_one_core() }}; set local enable_mergejoin = off;
    {{ dbt.default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro %}

{# For what has no primary key, as a view. #}
{% test is_key(model, columns) %}
{{ config(meta={'description': 'The columns together identify a row, and none of them is empty.'}) }}
select {{ columns | join(', ') }}, count(*) as rows
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1{% for column in columns %} or {{ column }} is null{% endfor %}
{% endtest %}

{% test one_line(model, columns) %}
{{ config(
    meta={
        'description':
            'There is at most one line for each value of the columns; an empty one stands for every space or '
            'project.',
    },
) }}
select {{ columns | join(', ') }}, count(*) as lines
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
