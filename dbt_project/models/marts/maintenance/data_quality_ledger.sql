with

rules as (

    select * from {{ ref('data_quality_rules') }}

),

counts as (

    select * from {{ ref('stg_data_quality_counts') }}
    {%- if has_labels() %}
        union all
        select
            'labels' as raw_table,
            rejection_reason as rule,
            count(*) as affected_rows
        from {{ ref('training_label_rows') }}
        where rejection_reason is not null
        group by 1, 2
    {%- endif %}

),

traced as (

    select * from {{ ref('stg_raw_tables') }}
    {%- if has_labels() %}
        union all
        select
            'labels' as raw_table,
            (select count(*) from {{ ref('stg_labels__labels') }}) as rows_in,
            count(*) as rows_accepted
        from {{ ref('training_label_rows') }}
        where rejection_reason is null
    {%- endif %}

),

ruled as (

    select
        traced.raw_table,
        rules.rule,
        rules.description,
        traced.rows_in,
        case when rules.effect = 'changed' then coalesce(counts.affected_rows, 0) else 0 end
            as rows_changed,
        case when rules.effect = 'rejected' then coalesce(counts.affected_rows, 0) else 0 end
            as rows_rejected
    from traced
    inner join rules on traced.raw_table = rules.raw_table
    left join counts on rules.raw_table = counts.raw_table and rules.rule = counts.rule

),

totals as (

    select
        traced.raw_table,
        'all rules' as rule,
        'Every row of the file; kept rows are counted in the last table that they reach.'
            as description,
        traced.rows_in,
        traced.rows_accepted,
        cast(sum(ruled.rows_changed) as bigint) as rows_changed,
        cast(sum(ruled.rows_rejected) as bigint) as rows_rejected
    from traced
    inner join ruled on traced.raw_table = ruled.raw_table
    group by 1, 2, 3, 4, 5

),

unioned as (

    select * from totals
    union all
    select
        raw_table,
        rule,
        description,
        rows_in,
        rows_in - rows_rejected as rows_accepted,
        rows_changed,
        rows_rejected
    from ruled

)

select * from unioned
order by raw_table asc, rule = 'all rules' desc, rule asc
