{# The var `campaigns`, dates as texts: YAML reads a date without quotes as a date. #}
{% macro campaigns_var() %}
    {% if var('campaigns') is not mapping %} {{ return(var('campaigns')) }} {% endif %}
    {% set found = {} %}
    {% for name, campaign in var('campaigns').items() %}
        {% if campaign is mapping %}
            {% set terms = dict(campaign) %}
            {% for term in ['starts_on', 'ends_on'] if term in terms and terms[term] is not number %}
                {% do terms.update({term: terms[term] | string}) %}
            {% endfor %}
            {% do found.update({name: terms}) %}
        {% else %}
            {% do found.update({name: campaign}) %}
        {% endif %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# One row per campaign of the var: when it runs, for whom, and who is held out. #}
{% macro declared_campaigns() %}
    {% set campaigns = campaigns_var() if mapping_var('campaigns') else {} %}
    {% for name in campaigns | sort if campaigns[name] is mapping %}
        {% set campaign = campaigns[name] %}
        select
            {{ sql_string(name) }} as campaign,
            {{ sql_string(campaign.audience | string) }} as audience,
            cast({{ sql_string(campaign.starts_on | string) }} as timestamp) as starts_on,
            cast({{ sql_string(campaign.ends_on | string) }} as timestamp) as ends_on,
            cast({{ sql_string(campaign.holdout_share | string) }} as double) as holdout_share,
            {{ sql_string(campaign.salt or name) }} as salt
        union all
    {% endfor %}
    select
        cast(null as string) as campaign,
        cast(null as string) as audience,
        cast(null as timestamp) as starts_on,
        cast(null as timestamp) as ends_on,
        cast(null as double) as holdout_share,
        cast(null as string) as salt
    where false
{% endmacro %}
