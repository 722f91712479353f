{#
The first version of a thing holds for all the time before: nobody knows another one. When it was seen is in version_seen_at. Of members
of a group this is so for those who were in it when it was first seen; who came later was not there before.
#}
{% macro reaching_back() -%}
    {%- set key, group = config.get('unique_key'), (config.get('meta') or {}).get('members_of') -%}
    update {{ this }} as first set valid_from = '-infinity'
    where first.valid_from > '-infinity' and not exists (
        select from {{ this }} as before
        where before.valid_from < first.valid_from{% for column in key %} and before.{{ column }} = first.{{ column }}{% endfor %}
    )
    {%- if group %} and not exists (
        select from {{ this }} as before
        where before.space_key = first.space_key and before.{{ group }} = first.{{ group }} and before.version_seen_at < first.version_seen_at
    )
    {%- endif %}
{%- endmacro %}

{#
A history of things of which nothing was written since the last build stays as it is: dbt would compare each with its last version, by ten
statements.
#}
{% materialization snapshot, adapter='postgres' -%}
    {%- if load_cached_relation(this) is not none and goes_on() and not is_written(model.sources) -%}
    {{ store_raw_result(name='main', message='unchanged', code='skip', rows_affected='-1') }}
    {{ return({'relations': [this]}) }}
    {%- else -%}
    {{ return(dbt.materialization_snapshot_default()) }}
    {%- endif -%}
{%- endmaterialization %}

{# Whether something was written to one of the sources, by schema and table, since the last build. #}
{% macro is_written(sources) -%}
    {%- set look -%}
    select {% for schema, table in sources %}{{ 'or ' if not loop.first -}}
        exists (select from {{ source(schema, table) }} where loaded_at >= {{ built_until() }}){% endfor %}
    {%- endset -%}
    {{ return(run_query(look).rows[0][0]) }}
{%- endmacro %}
