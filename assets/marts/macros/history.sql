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
