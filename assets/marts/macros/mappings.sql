{# The lines of a file of mappings that count, `columns` with their types. They were checked when they were read. #}
{% macro mapped(file, columns) -%}
select
    m.line
    {%- for name, type in columns.items() %},
    (m.cells ->> '{{ name }}')::{{ type }} as {{ name }}
    {%- endfor %}
from {{ source('ops', 'mapping_lines') }} as m
where m.file = '{{ file }}.csv' and m.cells is not null
{%- endmacro %}
