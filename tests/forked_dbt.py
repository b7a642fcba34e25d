"""The command `dbt` for tests, as fast as `make build` has it, loaded once and forked for each run.

It reads from standard input what to run, a line of JSON each: `arguments`, `environment`, the files
`output` and `errors`, and `kept`, the folder of what is kept from one run to the next. It writes
the exit code of each to standard output. (dbt would load a file of the name dbt_* as a plugin.)
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

from dbt.adapters.duckdb.impl import DuckDBAdapter  # noqa: E402
from dbt.cli.main import cli, dbtRunner  # noqa: E402

from segmentation import comparison, models  # noqa: E402, F401


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
    """Parse the project once: half of that is what dbt makes of its own classes, and stays.

    Not with the static parser, whose threads would be missing in the forks.
    """
    with TemporaryDirectory() as folder:
        os.environ["DBT_TARGET_PATH"] = os.environ["DBT_LOG_PATH"] = folder
        parse = ["--quiet", "--log-level-file", "none", "--no-static-parser", "parse"]
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
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    os._exit(0)  # libraries complain of what a Python that ends has not cleared up


if __name__ == "__main__":
    main()
