{#
    Tables of what stands from one time to another, met with the evaluation dates: of millions of customers and
    dozens of dates the pairs are too many to go through. Rows that are alike and stand at the same dates are
    counted first, and only the counts meet the dates.
#}

{# Cut-offs by their number, in order, each with the one before it and the one after it. #}
{% macro numbered_dates(cutoffs) %}
    select
        cutoff,
        cast(row_number() over (order by cutoff) as smallint) as number,
        max(cutoff) over () as newest_cutoff,
        lag(cutoff, 1, {{ start_of_time() }}) over (order by cutoff) as cutoff_before,
        lead(cutoff, 1, {{ end_of_time() }}) over (order by cutoff) as cutoff_after
    from {{ cutoffs }}
{% endmacro %}


{#
    `intervals`, from `valid_from` to `valid_to`, that stand at one of the numbered `dates` or more, with the numbers of
    the first and the last of these as `first_date` and `last_date`. What is known at a time counts at the dates after
    it. The first dates are found on their own: both joins in one would go through all rows at all dates.
#}
{% macro standing_at(dates, intervals) %}
    with

    begun as {{ materialized() }} (

        select
            {{ intervals }}.*,
            {{ dates }}.number as first_date,
            least({{ intervals }}.valid_to, {{ dates }}.newest_cutoff) as known_to
        from {{ intervals }}
        inner join {{ dates }}
            on
                {{ intervals }}.valid_from >= {{ dates }}.cutoff_before
                and {{ intervals }}.valid_from < {{ dates }}.cutoff

    )

    select
        begun.*,
        {{ dates }}.number as last_date
    from begun
    inner join {{ dates }}
        on
            begun.known_to >= {{ dates }}.cutoff
            and begun.known_to < {{ dates }}.cutoff_after
    where begun.first_date <= {{ dates }}.number
{% endmacro %}


{#
    The time of an order to whole days before the newest date: at every date recency is the same in whole days, and
    customers who have ordered on one day are alike. Somebody else's models label at any time of the day.
#}
{% macro last_order_by_days(last_ordered_at, newest_cutoff) -%}
    {%- if has_labels() -%}
        {{ last_ordered_at }}
    {%- else -%}
        {{ newest_cutoff }} - {{ elapsed_days(last_ordered_at, newest_cutoff) }} * interval '1' day
    {%- endif -%}
{%- endmacro %}
