"""dbt without what a build makes no use of: nodes of a small shop are mostly dbt's own work.

Half of the time of a day's build goes to it. The tables are those of plain `dbt build`
(tests/project/test_repeatability.py).
"""

import marshal
import os
import sys
from collections import ChainMap
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from types import CodeType

import jinja2
import parsedatetime
from jinja2.runtime import Context, missing
from mashumaro.config import BaseConfig

# Classes of dbt turn into dictionaries by code of their own: it is made when it is asked for, and
# not for all of them when they are imported.
BaseConfig.lazy_compilation = True

from dbt.adapters.duckdb.credentials import DuckDBCredentials  # noqa: E402
from dbt_common.events.base_types import BaseEvent, EventLevel  # noqa: E402
from dbt_common.events.event_manager import EventManager  # noqa: E402
from dbt_common.events.event_manager_client import ctx_set_event_manager  # noqa: E402

# Several times those of a build.
MANY_TEMPLATES = 10_000


def parse_once_for_all_places() -> None:
    """The project is read anew for a warehouse of another name, not for one at another place.

    dbt compares these with those of the last run in its target folder; models see the names only.
    """
    DuckDBCredentials._connection_keys = lambda self: ("database", "schema")


def make_no_messages_that_nobody_reads() -> None:
    """Of the thousands of events that no log is kept of, dbt makes no messages."""
    silent = (EventLevel.DEBUG, EventLevel.TEST)
    make_message = BaseEvent.__init__

    def note(event: BaseEvent, *args, **told) -> None:
        if event.level_tag() in silent:
            event.__dict__["told"] = args, told
        else:
            make_message(event, *args, **told)

    class ToldEvents(EventManager):
        def fire_event(self, e, level=None, *how, **named) -> None:
            if (level or e.level_tag()) in silent:
                return
            if "told" in e.__dict__:
                args, told = e.__dict__.pop("told")
                make_message(e, *args, **told)
            super().fire_event(e, level, *how, **named)

    BaseEvent.__init__ = note
    ctx_set_event_manager(ToldEvents())


def look_names_up_when_asked() -> None:
    """A template asks for a name here and there; Jinja copies all, thousands of macros a node.

    dbt leaves that out itself, but not for the templates that give a value in place of a text. It
    chains what it does not copy, chains of chains too, and those look slowly, and twice.
    """
    copy_all = jinja2.Template.new_context

    def layered(template, given=None, shared=False, local=None):
        if shared or local:
            return copy_all(template, given, shared, local)
        return copy_all(template, ChainMap(given or {}, template.globals), shared=True)

    def found(name: str, names: Mapping):
        if not isinstance(names, ChainMap):
            return names.get(name, missing)
        for layer in names.maps:
            if type(names) is ChainMap:
                value = found(name, layer)
                if value is not missing:
                    return value
            elif name in layer:
                return names[name]  # dbt wraps a macro when it is asked for
        return missing

    def resolve_or_missing(context: Context, name: str):
        value = context.vars.get(name, missing)
        return found(name, context.parent) if value is missing else value

    jinja2.Template.new_context = layered
    Context.resolve_or_missing = resolve_or_missing


def read_dates_by_one_calendar() -> None:
    """Each result of a statement, an empty one too, makes two, a millisecond each."""
    parsedatetime.Constants = cache(parsedatetime.Constants)


class KeptTemplates:
    """The code that Jinja makes of templates, kept in a file from one run to the next."""

    def __init__(self, folder: Path) -> None:
        # Marshalled code is of one version of Python, and of what has made it.
        made_with = [sys.version, *map(version, ("jinja2", "dbt-common", "dbt-core"))]
        self._file = folder / f"templates-{sha256(repr(made_with).encode()).hexdigest()[:16]}"
        self._known: dict[bytes, CodeType] = {}
        self._used: dict[bytes, CodeType] = {}
        with suppress(OSError, EOFError, ValueError, TypeError):  # there is none, or no whole one
            self._known = marshal.loads(self._file.read_bytes())
        compile_template = jinja2.Environment.compile

        def compile_once(environment, source, *named, **options):
            if named or options or not isinstance(source, str):
                return compile_template(environment, source, *named, **options)
            key = sha256(f"{type(environment).__name__} {source}".encode()).digest()
            code = self._used.get(key) or self._known.get(key)
            self._used[key] = code or compile_template(environment, source)
            return self._used[key]

        jinja2.Environment.compile = compile_once

    def keep(self) -> None:
        """Write down what this run has compiled; what is no longer used goes when it gets many."""
        if self._used.keys() <= self._known.keys():
            return
        kept = self._used if len(self._known) > MANY_TEMPLATES else self._known | self._used
        whole = self._file.with_suffix(f".{os.getpid()}")
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(marshal.dumps(kept))
        whole.replace(self._file)
