{#
A view that is still there stays as it is when the project has not changed since the last build: to make it again changes nothing and takes
as long as a small table. A view is dropped together with a table that it reads when that is replaced; then it is made again.
#}
{% materialization view, adapter='postgres' -%}
    {%- set there = load_cached_relation(this) -%}
    {%- if there is not none and there.is_view and goes_on() -%}
    {{ store_raw_result(name='main', message='still there', code='skip', rows_affected='-1') }}
    {{ return({'relations': [this]}) }}
    {%- else -%}
    {{ return(dbt.materialization_view_default()) }}
    {%- endif -%}
{%- endmaterialization %}
