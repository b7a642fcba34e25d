"""Run `dbt build` with each selector that comes in, one a line, all in this process.

    python scripts/run_dbt.py --vars '{"as_of": "2018-07-02"}'

`dbt_runs.py` starts it and reads what it prints: dbt's log as JSON, and after each run
`{"finished": true, "evaluated": [...]}`, whether all went well, and which of the tables that the run
has built change at evaluation dates only (tag `evaluations`), as `schema.table`.
"""

import gc
import json
import os
import sys
from pathlib import Path

# Writing dbt's own log of everything to a file takes seconds.
LOG = ["--log-format", "json", "--log-level-file", "none"]


def main(changed: list[str]) -> None:
    # Most of what dbt makes lives to the end; to look for garbage as often as Python does by
    # default takes a tenth of a build.
    gc.set_threshold(100_000, 50, 50)
    import lean_dbt

    lean_dbt.parse_once_for_all_places()
    lean_dbt.make_no_messages_that_nobody_reads()
    lean_dbt.look_names_up_when_asked()
    lean_dbt.read_dates_by_one_calendar()
    templates = lean_dbt.KeptTemplates(Path(os.environ["DBT_TARGET_PATH"]))

    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    # While there is nothing to build yet; once for all runs.
    parsed = dbtRunner().invoke([*LOG, "parse", "--no-write-json", *changed])
    for line in sys.stdin:
        command = ["build", "--selector", line.strip(), "--no-write-json", *changed]
        command += ["--exclude-resource-type", "unit_test"]  # they test the code, not the data
        run = dbtRunner(parsed.result).invoke([*LOG, *command]) if parsed.success else parsed
        evaluated = [
            f"{node.schema}.{node.name}"
            for node in (result.node for result in getattr(run.result, "results", []))
            if "evaluations" in node.tags and node.config.materialized != "view"
        ]
        if run.success:
            DuckDBConnectionManager.env().close()  # whoever has written the line reads the file now
        print(json.dumps({"finished": run.success, "evaluated": evaluated}), flush=True)
    templates.keep()
    os._exit(0)  # there is nothing to clear up, and Python would take its time over it


if __name__ == "__main__":
    main(sys.argv[1:])
