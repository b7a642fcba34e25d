-- A mart names a model that segment_models does not have.
{% set columns = [
    ('customer_segments', 'model_id'),
    ('customer_segments', 'scaling_model_id'),
    ('segment_profiles', 'model_id'),
    ('segment_model_parameters', 'model_id'),
    ('segment_model_centroids', 'model_id'),
    ('segment_model_axes', 'model_id'),
    ('segment_model_decisions', 'model_id'),
    ('segment_model_decisions', 'scaling_model_id'),
    ('segment_model_decisions', 'previous_model_id'),
    ('segment_model_decisions', 'challenger_model_id'),
    ('segment_stability', 'origin_model_id'),
    ('segment_stability', 'model_id'),
    ('segment_stability_by_segment', 'origin_model_id'),
    ('segment_stability_by_segment', 'model_id'),
    ('segment_transitions', 'model_id'),
    ('segment_events', 'model_id'),
    ('segment_events', 'previous_model_id'),
    ('champion_periods', 'model_id'),
    ('maintenance_backtest', 'model_id'),
    ('maintenance_contract', 'model_id'),
    ('maintenance_drift', 'origin_model_id'),
    ('maintenance_drift', 'model_id'),
    ('maintenance_causes', 'origin_model_id'),
    ('maintenance_causes', 'model_id'),
    ('maintenance_noise', 'model_id'),
    ('maintenance_outcomes', 'origin_model_id'),
    ('maintenance_outcomes', 'model_id'),
    ('maintenance_population_checks', 'origin_model_id'),
    ('feature_correlations', 'model_id'),
] %}
with named as (
    {% for mart, column in columns %}
        {{ 'union all' if not loop.first }}
        select distinct
            '{{ mart }}' as mart,
            {{ column }} as model_id
        from {{ ref(mart) }}
    {% endfor %}
)

select
    named.mart,
    named.model_id
from named
anti join {{ ref('segment_models') }} as models
    on named.model_id = models.model_id
where named.model_id is not null
