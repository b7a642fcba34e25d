from segmentation.projection import principal_axes
from segmentation.relations import arrow, observations_of


def model(dbt, session):
    takeovers = arrow(dbt.ref("champion_takeovers"), order="champion_period").to_pylist()
    models = arrow(dbt.ref("training_models"), order="model_id").to_pylist()
    # Looked for here: the name of a label set is anything.
    model = next(row for row in models if row["model_id"] == takeovers[-1]["model_id"])
    return principal_axes(model, observations_of(dbt.ref("training_observations"), model))
