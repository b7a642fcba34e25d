-- Two rows of a mart have the same key. DuckDB finds it while it writes the rows.
{{ config(enabled=(target.type != 'duckdb')) }}
{% set marts = [
    'campaign_arms',
    'campaign_results',
    'champion_periods',
    'customer_cohorts',
    'data_quality_ledger',
    'feature_correlations',
    'feature_histograms',
    'maintenance_backtest',
    'maintenance_causes',
    'maintenance_contract',
    'maintenance_data_checks',
    'maintenance_drift',
    'maintenance_feed',
    'maintenance_migration',
    'maintenance_noise',
    'maintenance_option_curves',
    'maintenance_options',
    'maintenance_outcomes',
    'maintenance_population_checks',
    'maintenance_schedule',
    'maintenance_survival',
    'maintenance_waiting',
    'model_comparison',
    'model_comparison_segments',
    'order_funnel',
    'order_months',
    'segment_categories',
    'segment_events',
    'segment_feature_distributions',
    'segment_map',
    'segment_model_axes',
    'segment_model_centroids',
    'segment_model_decisions',
    'segment_model_parameters',
    'segment_models',
    'segment_months',
    'segment_outcomes',
    'segment_places',
    'segment_profiles',
    'segment_stability',
    'segment_stability_by_segment',
    'value_forecasts',
    'value_model_parameters',
] %}
{% for mart in marts %}
    {% set key = [] %}
    {% if execute %}
        {% set model = graph.nodes['model.customer_segmentation.' ~ mart] %}
        {% for constraint in model.constraints if constraint.type == 'primary_key' %}
            {% do key.extend(constraint.columns) %}
        {% endfor %}
        {% for column in model.columns.values() %}
            {% for constraint in column.constraints if constraint.type == 'primary_key' %}
                {% do key.append(column.name) %}
            {% endfor %}
        {% endfor %}
    {% endif %}
    {{ 'union all' if not loop.first }}
    select
        '{{ mart }}' as mart,
        count(*) as rows_of_the_key
    from {{ ref(mart) }}
    group by {{ key | join(', ') }}
    having count(*) > 1
{% endfor %}
