with

checks as (

    select * from {{ ref('champion_population_checks') }}

)

select
    clause,
    origin_model_id,
    evaluation_date,
    measure,
    coalesce(segment_name, subject) as subject,
    customers,
    measured_value,
    reference_value,
    change,
    standard_error,
    reference_windows,
    deviations,
    is_assessable,
    is_beyond,
    case
        when finding is null
            then
                {{ iso_date('evaluation_date') }} || ', ' || measure || ' of '
                || coalesce('"' || segment_name || '"', subject) || ': nothing to compare with.'
        else
            {{ iso_date('evaluation_date') }} || ', ' || finding || case
                when not is_assessable
                    then ' Too few customers, or weeks before the fit, to tell a change.'
                when is_beyond
                    then
                        printf(
                            ' A change beyond the limit: %.1f standard errors.', deviations
                        )
                else ' Within the limit.'
            end
    end as sentence
from checks
order by clause, origin_model_id, evaluation_date, measure, subject
