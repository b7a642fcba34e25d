from segmentation.relations import frame


def model(dbt, session):
    from segmentation.lift import campaign_figures  # takes a second to load

    arms = frame(dbt.ref("campaign_arms"), order="campaign, is_held_out")
    return campaign_figures(arms, **dbt.config.get("meta"))
