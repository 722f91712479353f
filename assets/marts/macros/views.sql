{#
A view that is still there is left as it is where the project is that of the last build: to make it again changes nothing, and takes as
long as a small table. One of which a table below was replaced went with that table, and is made again.
#}
{% materialization view, adapter='postgres' -%}
    {%- set there = load_cached_relation(this) -%}
    {%- if there is not none and there.is_view and env_var('BACKLOG_DBT_UNCHANGED', 'no') == 'yes' -%}
    {{ store_raw_result(name='main', message='still there', code='skip', rows_affected='-1') }}
    {{ return({'relations': [this]}) }}
    {%- else -%}
    {{ return(dbt.materialization_view_default()) }}
    {%- endif -%}
{%- endmaterialization %}
