from segmentation.projection import principal_axes
from segmentation.relations import arrow, observations_of


def model(dbt, session):
    in_use = arrow(dbt.ref("champion_takeovers"), order="champion_period").to_pylist()[-1][
        "model_id"
    ]
    models = arrow(dbt.ref("training_models"), where=f"model_id = '{in_use}'", order="model_id")
    model = models.to_pylist()[0]
    return principal_axes(model, observations_of(dbt.ref("training_observations"), model))
