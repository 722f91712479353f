{#
Settings of the transaction that makes a model: memory for its sorts, and, where it is made whole, no nested loops: the planner knows
nothing of rows that the same statement has made, and takes them for few.
#}
{% macro planned() -%}
    set local work_mem = '64MB'{% if not is_incremental() %}; set local enable_nestloop = off{% endif %}
{%- endmacro %}
