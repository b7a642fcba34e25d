{%- set bins = 40 -%}
{#- By feature and scale the column of the scored customers. -#}
{%- set columns = [] -%}
{%- for feature in scored_models().features -%}
    {%- do columns.append((feature, 'original', feature)) -%}
    {%- do columns.append((feature, 'model', feature ~ '_scaled')) -%}
{%- endfor -%}

with

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

parameters as (

    select * from {{ ref('segment_model_parameters') }}

),

scored as ({{ scale_features('customer_segments', scaling='scaling_model_id') }}),

ranges as (

    -- The last bin takes the highest 0.5 % in: a few extreme values would empty the others.
    select
        {% for feature, scale, column in columns %}
            min(cast({{ column }} as double)) as {{ column }}__lowest,
            max(cast({{ column }} as double)) as {{ column }}__highest,
            {{ quantile('cast(' ~ column ~ ' as double)', 0.995) }} as {{ column }}__upper_limit,
        {% endfor %}
        count(*) as customers
    from scored

),

binned as (

    {% for feature, scale, column in columns %}
        {%- set lowest = 'ranges.' ~ column ~ '__lowest' %}
        {%- set range = '(ranges.' ~ column ~ '__upper_limit - ' ~ lowest ~ ')' %}
        select
            '{{ feature }}' as feature,
            '{{ scale }}' as scale,
            scored.model_id,
            scored.segment_id,
            case
                when {{ range }} > 0
                    then
                        cast(
                            least(
                                floor(
                                    (cast(scored.{{ column }} as double) - {{ lowest }})
                                    / {{ range }} * {{ bins }}
                                ),
                                {{ bins - 1 }}
                            ) as integer
                        )
                else 0
            end as bin,
            {{ lowest }} as lowest,
            ranges.{{ column }}__highest as highest,
            {{ range }} / {{ bins }} as width,
            count(*) as customers
        from scored
        cross join ranges
        where scored.{{ column }} is not null
        group by 1, 2, 3, 4, 5, 6, 7, 8
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    binned.feature,
    binned.scale,
    binned.segment_id,
    binned.bin,
    binned.lowest + binned.bin * binned.width as lower_edge,
    binned.lowest + (binned.bin + 1) * binned.width as upper_edge,
    binned.highest,
    binned.customers
from binned
semi join parameters
    on
        binned.model_id = parameters.model_id
        and binned.feature = parameters.feature
order by binned.feature, binned.scale, binned.segment_id, binned.bin
