"""Try whether the tests notice mutations of the code that matter, each in a copy of the project.

    python scripts/mutate.py            # all of them
    python scripts/mutate.py noise      # those whose names hold the word

A mutation is found when one of the tests that `make test` runs fails with it. Only the files of
tests that are to notice it are run, so that a mutation takes a minute and not five. Exit codes: 0
all are found, 1 one is not.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Mutation:
    """A change of one file, and the tests that are to fail with it."""

    name: str
    file: str
    old: str
    new: str
    tests: str


MUTATIONS = [
    Mutation(
        "a cause within noise is ranked",
        "dbt_project/models/marts/maintenance/maintenance_causes.sql",
        "then agreement_given_back_low > {{ smallest_effect }}",
        "then agreement_given_back > {{ smallest_effect }}",
        "tests/project/test_dbt_unit_tests.py",
    ),
    Mutation(
        "a number of the feed of audiences is used twice",
        "dbt_project/models/marts/segments/audience_changes.sql",
        "(select coalesce(max(feed.change_id), 0) from feed)",
        "(select count(*) from feed)",
        "tests/project/test_dbt_unit_tests.py",
    ),
    Mutation(
        "a campaign counts an order after its last day",
        "dbt_project/models/marts/segments/campaign_arms.sql",
        "purchases.ordered_at < least(dated.ended_at, dated.as_of)",
        "purchases.ordered_at < dated.as_of",
        "tests/project/test_dbt_unit_tests.py",
    ),
    Mutation(
        "members of a campaign are those of today",
        "dbt_project/models/marts/segments/campaign_members.sql",
        "and campaigns.starts_on >= changes.as_of",
        "and true",
        "tests/project/test_dbt_unit_tests.py",
    ),
    Mutation(
        "a feature is held whatever the recency",
        "python_models/segmentation/drift.py",
        "given = None if given == feature else given",
        "given = None",
        "tests/unit/test_drift.py",
    ),
    Mutation(
        "leavers are taken for stayers",
        "dbt_project/models/champion/champion_compositions.sql",
        "when others.customer_number is null and sides.is_then then 'leavers'",
        "when false then 'leavers'",
        "tests/project/test_dbt_unit_tests.py",
    ),
    Mutation(
        "a jump is judged without the earlier changes",
        "dbt_project/models/champion/champion_data_checks.sql",
        "1.4826 * scattered.median_absolute_deviation",
        "0",
        "tests/project/test_dbt_unit_tests.py",
    ),
    Mutation(
        "an outcome counts an order beyond its horizon",
        "dbt_project/macros/outcomes.sql",
        "and due.followed_to > purchases.ordered_at",
        "and due.followed_to >= purchases.ordered_at",
        "tests/project/test_dbt_unit_tests.py",
    ),
    Mutation(
        "an outcome is reported before its horizon has passed",
        "dbt_project/macros/outcomes.sql",
        """            and published_state.cutoff
            >= evaluation_dates""",
        """            and published_state.cutoff + interval '99' year
            >= evaluation_dates""",
        "tests/project/test_dbt_unit_tests.py",
    ),
    Mutation(
        "rates are scored on the half that they come from",
        "python_models/segmentation/outcomes.py",
        "np.flip((values @ of_cluster) / known, axis=-2)",
        "(values @ of_cluster) / known",
        "tests/unit/test_outcomes.py",
    ),
    Mutation(
        "the noise floor is removed",
        "dbt_project/models/monitoring/monitoring_clauses.sql",
        "and measured.measured_value < measured.noise_floor",
        "and true",
        "tests/project/test_dbt_unit_tests.py",
    ),
    Mutation(
        "a cut-off includes its own moment",
        "dbt_project/macros/customer_features.sql",
        "cutoffs.cutoff > customer_versions.valid_from",
        "cutoffs.cutoff >= customer_versions.valid_from",
        "tests/project/test_dbt_unit_tests.py",
    ),
    Mutation(
        "the fingerprint is empty",
        "scripts/build.py",
        "for path in sorted(_project_files()):",
        "for path in []:",
        "tests/unit/test_build.py",
    ),
    Mutation(
        "a warm start is not scaled",
        "python_models/segmentation/refits.py",
        "warm_starts=[_moved(model, scalings) for model in warm_starts]",
        "warm_starts=[model.clustering.centroids for model in warm_starts]",
        "tests/unit/test_refits.py tests/unit/test_models.py",
    ),
    Mutation(
        "a forecast counts early breaks before its date",
        "python_models/segmentation/forecast.py",
        "if self.fitted[model] + weeks > date + 1e-6:",
        "if self.fitted[model] + min(weeks, self.lasted[model]) > date + 1e-6:",
        "tests/statistics/test_forecast.py",
    ),
    Mutation(
        "a rule of the data quality ledger is dropped",
        "dbt_project/models/staging/olist/stg_olist__order_payments.sql",
        "when payment_value < 0 then 'negative_money'",
        "when false then 'negative_money'",
        "tests/project/test_dbt_unit_tests.py",
    ),
    Mutation(
        "a file is published before it is written out",
        "scripts/build.py",
        "        write_out(built)\n        publish(built, warehouse, is_damaged=is_damaged)\n",
        "        publish(built, warehouse, is_damaged=is_damaged)\n        write_out(warehouse)\n",
        "tests/unit/test_build.py",
    ),
    Mutation(
        "erasure forgets the backup",
        "python_models/segmentation_dbt/erasure.py",
        "    if backup is None or not backup.is_file():",
        "    if True:",
        "tests/project/test_erasure.py",
    ),
    Mutation(
        "a damaged warehouse is published over",
        "scripts/workshop.py",
        "        warehouse.rename(aside)\n",
        "        pass\n",
        "tests/unit/test_build.py",
    ),
    Mutation(
        "rows of erased customers come back",
        "python_models/segmentation_dbt/raw_files.py",
        "        leave_out_erased_customers(\n",
        "        dict(\n",
        "tests/project/test_raw_files.py",
    ),
    Mutation(
        "a var is not checked",
        "python_models/segmentation_dbt/settings.py",
        "        _check(name, given[name], kind)\n",
        "        pass\n",
        "tests/project/test_vars.py",
    ),
    Mutation(
        "agreement counts observations, not customers",
        "python_models/segmentation/refits.py",
        "counts = np.bincount(cells, weights=customers, minlength=n_clusters**2)",
        "counts = np.bincount(cells, minlength=n_clusters**2)",
        "tests/unit/test_refits.py",
    ),
]


def is_found(mutation: Mutation, folder: Path) -> bool:
    """Whether a test fails with the mutation, in a copy of the project."""
    ignored = shutil.ignore_patterns(".git", ".venv", "target", "warehouse", "__pycache__", "logs")
    shutil.copytree(ROOT, folder, ignore=ignored)
    (folder / "warehouse").mkdir()
    file = folder / mutation.file
    code = file.read_text()
    if mutation.old not in code:
        raise SystemExit(f"{mutation.file} no longer holds what “{mutation.name}” changes.")
    file.write_text(code.replace(mutation.old, mutation.new))
    libraries = [folder / "python_models", folder / "python_models" / "spark_session"]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "2", "--dist", "loadfile"]
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", *mutation.tests.split()],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, libraries))},
        capture_output=True,
        text=True,
    )
    is_failed = " failed" in run.stdout.splitlines()[-1]
    if run.returncode and not is_failed:
        raise SystemExit(f"The tests could not be run:\n{run.stdout}{run.stderr}")
    return is_failed


def main() -> int:
    """Try the mutations; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="try those whose names hold one of these words")
    words = parser.parse_args().words
    missed = 0
    for mutation in MUTATIONS:
        if words and not any(word in mutation.name for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = is_found(mutation, Path(folder) / "project")
        missed += not found
        print(f"{'found ' if found else 'MISSED'}  {mutation.name}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
