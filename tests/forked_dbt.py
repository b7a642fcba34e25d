"""The command `dbt` for tests, as fast as `make build` has it, loaded once and forked for each run.

It reads from standard input what to run, a line of JSON each: `arguments`, `environment`, the files
`output` and `errors`, and `kept`, the folder of what is kept from one run to the next. Of each it
writes the process id to standard output when it starts, and the exit code when it ends. (dbt would
load a file of the name dbt_* as a plugin.)
"""

import gc
import json
import os
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import lean_dbt

lean_dbt.parse_once_for_all_places()
lean_dbt.make_no_messages_that_nobody_reads()
lean_dbt.look_names_up_when_asked()
lean_dbt.read_dates_by_one_calendar()

import numpy as np  # noqa: E402
import pyarrow.dataset  # noqa: E402, F401
from dbt.adapters.duckdb.impl import DuckDBAdapter  # noqa: E402
from dbt.cli.main import cli, dbtRunner  # noqa: E402
from dbt.task import build  # noqa: E402, F401
from dbt_common.clients import agate_helper  # noqa: E402, F401
from dbt_common.tests import enable_test_caching  # noqa: E402

from segmentation import (  # noqa: E402, F401
    comparison,
    drift,
    models,
    noise,
    projection,
    survival,
    takeovers,
)
from segmentation.kmeans import fit_kmeans  # noqa: E402


def run(command: dict) -> int:
    """In a process of its own: run dbt, and return its exit code."""
    for stream, name in ((1, "output"), (2, "errors")):
        os.dup2(os.open(command[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    os.environ.clear()
    os.environ.update(command["environment"])
    templates = lean_dbt.KeptTemplates(Path(command["kept"]))
    sys.argv = ["dbt", *command["arguments"]]
    try:
        cli()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    templates.keep()
    connections = DuckDBAdapter.ConnectionManager
    if connections._ENV is not None:
        connections.env().close()  # whoever copies the file reads it without what is beside it
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def warm_up() -> None:
    """Load compiled code, and parse the project twice, then from what was written first.

    What stays for the forks is the syntax of all templates, and what dbt makes of its own classes.
    Not with the static parser, whose threads would be missing in the forks.
    """
    fit_kmeans(np.eye(3), n_clusters=2, n_init=1, random_state=0).label(np.eye(3))
    enable_test_caching()
    with TemporaryDirectory() as folder:
        os.environ["DBT_TARGET_PATH"] = os.environ["DBT_LOG_PATH"] = folder
        parse = ["--quiet", "--log-level-file", "none", "--no-static-parser", "parse"]
        dbtRunner().invoke(parse)
        parsed = dbtRunner().invoke(parse)
    if not parsed.success:
        print(f"The project cannot be parsed: {parsed.exception}", flush=True)
        os._exit(1)


def main() -> None:
    warm_up()
    gc.freeze()  # what is loaded is not copied into the forks by a look for garbage
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 1
            try:
                code = run(json.loads(line))
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(code)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    os._exit(0)  # libraries complain of what a Python that ends has not cleared up


if __name__ == "__main__":
    main()
