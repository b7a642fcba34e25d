"""How long models last: survival curves of models that may not be broken yet."""

import numpy as np
import pyarrow as pa

ALL_SEASONS = "all"

SURVIVAL_SCHEMA = pa.schema(
    [
        ("subject_kind", pa.string()),
        ("subject", pa.string()),
        ("season", pa.string()),
        ("weeks", pa.float64()),
        ("at_risk", pa.int64()),
        ("breached", pa.int64()),
        ("survival", pa.float64()),
    ]
)


def kaplan_meier(
    weeks: np.ndarray, breached: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of models that last longer than each of some weeks (Kaplan and Meier 1958).

    Parameters
    ----------
    weeks : ndarray of shape (n_models,)
        How long each model lasted, or has been observed.
    breached : ndarray of bool of shape (n_models,)
        Whether it was broken then; else it is censored: it has lasted at least so long.
    at : ndarray of shape (n_times,)
        Ascending; holds all of `weeks`.

    Returns
    -------
    at_risk, broken : ndarray of int of shape (n_times,)
        Models observed for so long at least, and those of them that were broken then.
    survival : ndarray of shape (n_times,)
        0 to 1; stays where it is beyond the longest observation.
    """
    at_risk = (weeks[None] >= at[:, None]).sum(axis=1)
    broken = ((weeks[None] == at[:, None]) & breached[None]).sum(axis=1)
    return at_risk, broken, np.cumprod(1 - broken / np.maximum(at_risk, 1))


def survival_curves(durations: pa.Table) -> pa.Table:
    """Survival curve of each subject's models, of all start dates and by season.

    It describes the models so far and promises nothing: neighbouring start dates share most of
    their customers, and lifetimes follow the calendar.

    Parameters
    ----------
    durations : pyarrow.Table
        One row per model, by date: `subject_kind` and `subject` (what is fitted), `season`,
        `weeks_until_breach` (null while it is not broken) and `weeks_observed`.

    Returns
    -------
    pyarrow.Table
        One row per subject, season and week at which a model was broken or last observed, with
        `SURVIVAL_SCHEMA`.
    """
    rows = []
    names = ("subject_kind", "subject", "season")
    kinds, subjects, seasons = (np.array(durations[name].to_pylist()) for name in names)
    weeks = durations["weeks_observed"].to_numpy().astype(float)
    breached = durations["weeks_until_breach"].is_valid().to_numpy(zero_copy_only=False)
    for kind, subject in sorted(set(zip(kinds.tolist(), subjects.tolist(), strict=True))):
        of_subject = (kinds == kind) & (subjects == subject)
        for season in [ALL_SEASONS, *np.unique(seasons[of_subject]).tolist()]:
            chosen = of_subject & ((season == ALL_SEASONS) | (seasons == season))
            at = np.unique(weeks[chosen])
            curve = (at, *kaplan_meier(weeks[chosen], breached[chosen], at))
            for told in zip(*(column.tolist() for column in curve), strict=True):
                rows.append(
                    dict(zip(SURVIVAL_SCHEMA.names, (kind, subject, season, *told), strict=True))
                )
    return pa.Table.from_pylist(rows, schema=SURVIVAL_SCHEMA)
