"""The library is of the version of the dbt project that calls it."""

from importlib.metadata import PackageNotFoundError, version

from segmentation_dbt.faults import UserError

DISTRIBUTION = "customer-segments"


def check_library(*, version: str) -> str:
    """Stop a run whose library is of another version than the dbt project.

    Parameters
    ----------
    version : str
        Of the dbt project.

    Returns
    -------
    str
        That both are the same.

    Raises
    ------
    UserError
        If they are not; the message names the version to install.
    """
    installed = _installed()
    if installed != version:
        what = f"of version {installed}" if installed else "not installed by pip"
        raise UserError(
            f"The dbt project customer_segmentation is of version {version}, but its library "
            f"{DISTRIBUTION} is {what}. Install the one that goes with it: "
            f"pip install {DISTRIBUTION}=={version}, or the wheel or the git tag of that version."
        )
    return "The library goes with the project."


def _installed() -> str | None:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return None
