"""What `make build` leaves of dbt's own work: each in a process of its own, which it changes."""

import subprocess
import sys

from conftest import ROOT


def run(code, *arguments):
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_names_are_found_and_nothing_else_is_looked_up():
    found = run("""
import lean_dbt
from collections import UserDict
from dbt_common.clients.jinja import get_template
lean_dbt.look_names_up_when_asked()
class Names(UserDict):
    def __getitem__(self, name):
        asked.append(name)
        return super().__getitem__(name)
asked = []
names = Names({f"macro_{i}": i for i in range(1000)})
text = "{% set own = 7 %}{{ macro_3 + own }}{{ unknown is defined }}"
template = get_template(text, {}, native=True)
print(template.render(names), *asked)
""")
    assert found[0] == "10False"
    assert set(found[1:]) <= {"macro_3", "unknown"}


def test_a_chain_of_names_gives_what_its_first_layer_has_as_the_layer_gives_it():
    found = run("""
import lean_dbt
from collections import ChainMap
from dbt_common.clients.jinja import get_template
lean_dbt.look_names_up_when_asked()
class Wrapping(ChainMap):
    def __getitem__(self, name):
        return f"wrapped_{super().__getitem__(name)}"
chain = ChainMap(Wrapping({"a": 1}, {"a": 2, "b": 3}), ChainMap({"b": 4, "c": None}, {"d": 5}))
names = "a b c d".split()
template = " ".join("{{ %s }}" % name for name in names) + " {{ e is defined }}"
print(get_template(template, {}).render(chain))
print(*map(chain.get, names), "e" in chain)
""")
    assert found[:5] == ["wrapped_1", "wrapped_3", "None", "5", "False"]
    assert found[:5] == found[5:]


def test_an_event_that_is_reported_has_its_message_and_others_cost_none():
    told = run("""
import lean_dbt
lean_dbt.make_no_messages_that_nobody_reads()
from dbt_common.events import base_types, types
from dbt_common.events.functions import fire_event
from dbt_common.events.event_manager_client import get_event_manager
manager, made = get_event_manager(), []
manager.callbacks.append(lambda message: print(message.info.level, message.data.msg))
class Silent(types.Note):
    def level_tag(self):
        return base_types.EventLevel.DEBUG
Silent.__name__ = "Note"
fire_event(Silent(msg="silent"))
fire_event(Silent(msg="raised"), level=base_types.EventLevel.WARN)
fire_event(types.Note(msg="note"), level=base_types.EventLevel.INFO)
print("pb_msg" in vars(Silent(msg="silent")))
""")
    assert told == ["warn", "raised", "info", "note", "False"]


COMPILE = """
import pathlib, sys
import lean_dbt
from dbt_common.clients.jinja import MacroFuzzEnvironment, get_template
templates = lean_dbt.KeptTemplates(pathlib.Path(sys.argv[1]))
parse = MacroFuzzEnvironment._parse
MacroFuzzEnvironment._parse = lambda *arguments: print("compiled") or parse(*arguments)
for text in ["{{ 2 * n }}", *sys.argv[2:]]:
    print(get_template(text, {}).render({"n": 4}))
templates.keep()
"""


def test_a_template_is_compiled_once_for_all_runs(tmp_path):
    assert run(COMPILE, tmp_path) == ["compiled", "8"]
    assert run(COMPILE, tmp_path) == ["8"]
    assert run(COMPILE, tmp_path, "{{ n }}") == ["8", "compiled", "4"]
    assert run(COMPILE, tmp_path, "{{ n }}") == ["8", "4"]
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    assert run(COMPILE, tmp_path) == ["compiled", "8"]
    assert run(COMPILE, tmp_path) == ["8"]
