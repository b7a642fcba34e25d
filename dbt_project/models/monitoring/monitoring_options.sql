{%- set named_by = [] -%}
{%- for feature in known_naming_features() -%}
    {%- set transform = var('feature_transforms')[feature] -%}
    {%- do named_by.append({'feature': feature, 'transform': transform}) -%}
{%- endfor -%}

with

declared as (

    {% for option in contract_options() -%}
        select
            {{ sql_string(option.option) }} as option,
            {{ sql_string(option.algorithm) }} as algorithm,
            cast({{ option.observation_months or 'null' }} as integer) as observation_months,
            {{ option.n_segments }} as n_segments,
            {{ option.is_recentred }} as is_recentred,
            {{ sql_string(option.features | map(attribute='feature') | join(', ')) }}
                as feature_names,
            {{ features_with_transforms(option.features) }}
                as features,
            {{ features_with_transforms(named_by) }}
                as naming_features
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select * from declared
order by option
