-- A cluster that meets no naming rule would lose its customers: end the seed segment_naming_rules
-- with a rule without conditions.
select
    profiles.champion_period,
    profiles.cluster
from {{ ref('champion_profiles') }} as profiles
anti join {{ ref('champion_segments') }} as named
    on profiles.champion_period = named.champion_period and profiles.cluster = named.cluster
