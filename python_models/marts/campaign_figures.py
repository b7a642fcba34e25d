from segmentation.campaigns import FIGURES_SCHEMA
from segmentation.relations import frame


def model(dbt, session):
    arms = frame(dbt.ref("campaign_arms"), order="campaign, is_held_out")
    if arms.empty:
        return FIGURES_SCHEMA.empty_table()
    from segmentation.lift import campaign_figures  # takes a second to load

    return campaign_figures(arms, **dbt.config.get("meta"))
