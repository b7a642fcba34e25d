from segmentation.projection import principal_axes
from segmentation.relations import arrow, points_of


def model(dbt, session):
    in_use = arrow(dbt.ref("champion_reigns"), order="reign").to_pylist()[-1]["model_id"]
    models = arrow(dbt.ref("fit_models"), where=f"model_id = '{in_use}'", order="model_id")
    model = models.to_pylist()[0]
    return principal_axes(model, points_of(dbt.ref("fit_points"), model))
