{#- As the policy keeps models: frozen, or re-centred. -#}
{%- set figures = [
    ('adjusted_rand_index', 'structural_agreement'),
    ('matched_agreement', 'structural_matched_agreement'),
    ('misplaced_revenue', 'structural_misplaced_revenue'),
    ('excess_inertia', 'structural_excess_inertia'),
] %}

with

stability as (

    select
        {% for frozen, structural in figures %}
            {% if is_recentring() -%}
                coalesce({{ structural }}, {{ frozen }}) as {{ frozen }},
            {%- else -%}
                {{ frozen }},
            {%- endif %}
        {% endfor %}
        origin_model_id,
        weeks,
        revenue
    from {{ ref('segment_stability') }}

),

models as (

    select * from {{ ref('segment_models') }}

),

newest as ({{ newest_candidate('models') }}),

pairs as (

    select
        stability.*,
        1 - stability.matched_agreement as misplaced_share,
        cast(stability.misplaced_revenue as double) / nullif(stability.revenue, 0)
            as misplaced_revenue_share
    from stability
    inner join models on stability.origin_model_id = models.model_id
    inner join newest on models.candidate_id = newest.candidate_id

),

by_week as (

    select
        weeks,
        count(*) as start_dates,
        {{ mean_in_order('adjusted_rand_index', ['origin_model_id']) }} as mean_adjusted_rand_index,
        min(adjusted_rand_index) as min_adjusted_rand_index,
        {{ mean_in_order('misplaced_share', ['origin_model_id']) }} as misplaced_share,
        {{ mean_in_order('misplaced_revenue_share', ['origin_model_id']) }}
            as misplaced_revenue_share,
        {{ mean_in_order('excess_inertia', ['origin_model_id']) }} as excess_inertia
    from pairs
    group by 1

),

waited as (

    select
        *,
        avg(misplaced_share) over so_far as mean_misplaced_share,
        avg(misplaced_revenue_share) over so_far as mean_misplaced_revenue_share
    from by_week
    window so_far as (order by weeks)

)

select
    weeks,
    start_dates,
    mean_adjusted_rand_index,
    min_adjusted_rand_index,
    misplaced_share,
    misplaced_revenue_share,
    mean_misplaced_share,
    mean_misplaced_revenue_share,
    misplaced_share * 52 / weeks as relabelled_share_a_year,
    excess_inertia,
    printf(
        'A refit every %s: on average %.1f %% of the customers%s wait in another segment than a '
        || 'refit would give; over a year the refits relabel %.0f %% of the customers.',
        case when weeks = 1 then 'week' else {{ plain_number('weeks') }} || ' weeks' end,
        100 * mean_misplaced_share,
        coalesce(
            printf(', with %.1f %% of the revenue,', 100 * mean_misplaced_revenue_share), ''
        ),
        100 * misplaced_share * 52 / weeks
    ) as sentence
from waited
where weeks > 0
order by weeks
