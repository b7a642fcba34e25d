with

checks as (

    select * from {{ ref('champion_data_checks') }}

)

select
    feature,
    evaluation_date,
    population,
    check_name,
    compared_date,
    facts,
    measured_value,
    value_before,
    change,
    usual_change,
    largest_usual_change,
    earlier_changes,
    is_assessable,
    is_jump,
    is_lasting,
    case
        when value_before is null
            then
                {{ iso_date('evaluation_date') }}
                || ', ' || feature || ' of ' || population || ': nothing to compare with yet.'
        else
            {{ iso_date('evaluation_date') }} || ', ' || finding || case
                when not is_assessable
                    then ' Too few facts, or earlier evaluations, to tell a jump.'
                when is_jump
                    then
                        printf(
                            ' That is a jump: by %.3f, where earlier changes let expect %.3f at '
                            || 'most.',
                            abs(change - usual_change),
                            largest_usual_change
                        )
                else ' No jump.'
            end
    end as sentence
from checks
order by feature, evaluation_date, population, check_name
