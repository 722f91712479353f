{# A shown number as numeric; null when it is none. #}
{% macro shown_number(column) -%}
    case when {{ column }} ~ '^\s*-?[0-9]+(\.[0-9]+)?\s*$' then trim({{ column }})::numeric end
{%- endmacro %}

{# Whole seconds between two instants; null while one of them is. #}
{% macro seconds_between(since, until) -%}
    extract(epoch from {{ until }} - {{ since }})::bigint
{%- endmacro %}
