# make look           look at the file of orders DATA, and propose its vars; VARS names the file to write
# make build          build, test and publish WAREHOUSE from DATA (the demo shop by default); print what came out
# make compare        the same, and compare the candidates for the model first
# make report         write pages, slides and documentation of WAREHOUSE into the folder REPORT;
#                     CUSTOMERS=yes lists the ids of the customers of each segment beside them
# make picture        take the picture of the report in the README, from WAREHOUSE
# make explore        open a notebook on WAREHOUSE in the browser: customers of a segment, another threshold
# make export         write the marts of WAREHOUSE for BI tools into the folder EXPORT
# make alert          tell a broken clause to the webhook or file TO; ALWAYS=yes tells a kept contract too
# make erase          erase the customer CUSTOMER from WAREHOUSE and its backup, for good
# make drop-registry  drop the model registry of WAREHOUSE: models, decisions, ids, history
# make bench          time builds of OLIST and of synthetic shops of CUSTOMERS, beside a notebook
# make test           check style and what a change must not break, in five minutes or so
# make test-olist     the tests on the real tables, in the folder OLIST_DATA
# make test-cases     exports whose right values others have worked out, in the folder CASES
# make test-slow      whole builds of many kinds, the report in a browser
# make test-all       all of these, with Spark and faults
# make test-spark     build on Spark too and compare all marts; on Olist as well where OLIST_DATA is set
# make test-faults    kill, damage and hinder builds, try all damaged input, and write docs/reliability.md
#                     and docs/damaged_input.md; ONLY= names some
# make audit          look for known vulnerabilities of the locked dependencies
# make lint           check the style of Python and SQL, and the conventions (ruff, sqlfluff, dbt-bouncer)
# make mutate         try whether make test notices mutations of the code
# make demo-data      make a synthetic shop in data/demo
# make cdnow-data     write the CDNOW transactions, an example of one flat file, into data/cdnow
# make fetch-olist    download the Olist tables from Kaggle into data/olist
# make clean          delete what builds leave, with the warehouses in warehouse/

DATA ?= data/demo
WAREHOUSE ?= warehouse/segments.duckdb
REPORT ?= report
# A YAML file of vars that differ from those in dbt_project.yml.
VARS ?=
# 1: `make build` tells each node, not each layer.
V ?=
# When `make build` compares the candidates for the model: never, stale or always.
COMPARE ?= never
# yes: build although rows, customers or orders of the last build are gone.
ACCEPT_LOSS ?=
# Where `make export` puts what BI tools read.
EXPORT ?= export
# Where `make alert` sends a broken contract: a URL or a file; it is printed where neither is named.
TO ?=
ALWAYS ?=
UV_VERSION := 0.13.9
PYTHON := .venv/bin/python
DBT := .venv/bin/dbt
VARS_OPTION = $(if $(VARS),--vars "$(VARS)")

# The uv at hand, else one that is installed into the environment; either honours uv.lock.
UV := $(shell command -v uv 2>/dev/null || echo .venv/bin/uv)

# The sizes of synthetic shops that `make bench` measures, and the folder of the real tables, if any.
CUSTOMERS ?= 100000 1000000
OLIST ?=
# What a run of `make bench` has measured, for one that goes on from there.
NOTES ?=

.PHONY: look build compare report picture explore export alert erase drop-registry bench test test-olist test-cases test-slow test-all test-spark test-faults audit lint style mutate demo-data cdnow-data fetch-olist clean help

help:
	@sed -n 's/^# make/make/p' Makefile

look: .venv/installed $(if $(filter data/demo,$(DATA)),data/demo)
	@$(PYTHON) scripts/look.py "$(DATA)" $(VARS_OPTION)

build: .venv/installed $(if $(filter data/demo,$(DATA)),data/demo)
	@$(PYTHON) scripts/build.py --data "$(DATA)" --warehouse "$(WAREHOUSE)" --compare "$(COMPARE)" $(if $(filter 1,$(V)),--verbose) $(if $(filter yes,$(ACCEPT_LOSS)),--accept-loss) $(VARS_OPTION)

compare: COMPARE := always
compare: build

report: .venv/installed
	@$(PYTHON) scripts/report.py --warehouse "$(WAREHOUSE)" --output "$(REPORT)" $(VARS_OPTION) \
		$(if $(filter yes,$(CUSTOMERS)),--customers)

# Needs Chromium.
picture: .venv/installed
	@$(PYTHON) scripts/picture.py --warehouse "$(WAREHOUSE)" --output docs/report.png

explore: .venv/installed
	@SEGMENTS_WAREHOUSE="$(abspath $(WAREHOUSE))" .venv/bin/marimo run notebooks/explore.py

export: .venv/installed
	@$(PYTHON) scripts/export.py --warehouse "$(WAREHOUSE)" --folder "$(EXPORT)"

alert: .venv/installed
	@$(PYTHON) scripts/alert.py --warehouse "$(WAREHOUSE)" --to "$(TO)" $(if $(filter yes,$(ALWAYS)),--always)

erase: .venv/installed
	@$(PYTHON) scripts/registry.py --warehouse "$(WAREHOUSE)" $(VARS_OPTION) erase "$(CUSTOMER)"

drop-registry: .venv/installed
	@$(PYTHON) scripts/registry.py --warehouse "$(WAREHOUSE)" $(VARS_OPTION) drop

bench: .venv/installed
	@$(PYTHON) scripts/benchmark.py $(if $(OLIST),--olist "$(OLIST)") --customers $(CUSTOMERS) \
		$(if $(NOTES),--notes "$(NOTES)")

PYTEST := $(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: style
	$(PYTEST)

test-olist: .venv/installed
	@test -n "$$OLIST_DATA" || (echo "Set OLIST_DATA to the folder of the Olist files." >&2; exit 1)
	$(PYTEST) -m olist

test-cases: .venv/installed
	@test -n "$$CASES" || (echo "Set CASES to the folder of the exports." >&2; exit 1)
	$(PYTHON) -m pytest -n 2 -m slow -k a_case_of_others tests/project/test_exports.py

test-slow: .venv/installed
	$(PYTEST) -m "slow and not (olist or spark or faults)"

test-all: lint test test-slow test-faults test-spark
	@test -z "$$OLIST_DATA" || $(MAKE) test-olist
	@test -z "$$CASES" || $(MAKE) test-cases

mutate: .venv/installed
	@$(PYTHON) scripts/mutate.py

test-spark: .venv/installed
	@$(UV) sync --quiet --frozen --compile-bytecode --inexact --extra spark
	$(PYTHON) -m pytest -m spark tests/spark

FAULT_RECORD := tests/faults/record.csv
ONLY ?=

# Where only some are injected, or a test fails, record and page stay as they are.
test-faults: .venv/installed
	@mkdir -p target && rm -f target/record.csv
	$(if $(ONLY),,FAULT_RECORD=$(CURDIR)/target/record.csv WRITE_DAMAGED_INPUT=1) $(PYTHON) -m pytest -n 2 --dist loadfile -m "faults or not faults" -k "$(ONLY)" tests/faults/test_faults.py tests/faults/test_damaged_folders.py
	$(if $(ONLY),,cp target/record.csv $(FAULT_RECORD) && $(PYTHON) tests/reliability.py)

# Style of Python and conventions of the project.
style: .venv/installed
	.venv/bin/ruff check --quiet .
	.venv/bin/ruff format --quiet --check .
	SEGMENTS_WAREHOUSE=warehouse/lint.duckdb $(DBT) --quiet parse --target-path target/lint
	.venv/bin/dbt-bouncer run > target/lint/conventions.txt 2>&1 || (cat target/lint/conventions.txt; exit 1)

# The same, and the style of SQL, for which sqlfluff compiles every model.
lint: style
	SEGMENTS_WAREHOUSE=warehouse/lint.duckdb .venv/bin/sqlfluff lint --processes 2 --disable-progress-bar dbt_project/models dbt_project/tests/singular
	SEGMENTS_WAREHOUSE=warehouse/lint.duckdb .venv/bin/sqlfluff lint --disable-progress-bar --config .sqlfluff-transactions dbt_project/models/staging/transactions dbt_project/tests/singular/transactions_are_conserved.sql
	SEGMENTS_WAREHOUSE=warehouse/lint.duckdb .venv/bin/sqlfluff lint --disable-progress-bar --config .sqlfluff-relations dbt_project/models/staging/relations dbt_project/models/staging/raw_files
	SEGMENTS_WAREHOUSE=warehouse/lint.duckdb .venv/bin/sqlfluff lint --disable-progress-bar --config .sqlfluff-labels dbt_project/models/staging/labels dbt_project/models/intermediate/labels dbt_project/models/training/labels dbt_project/models/training/training_label_models.sql dbt_project/models/monitoring/monitoring_label_overlaps.sql

# Needs a network: the packages of uv.lock are looked up at PyPI; one that is not found there is an error.
audit: .venv/installed
	@mkdir -p target
	@$(UV) export --quiet --frozen --all-extras --all-groups --no-emit-project --output-file target/locked.txt
	@$(UV) tool run pip-audit==2.9.0 --requirement target/locked.txt --require-hashes --disable-pip --strict

demo-data: data/demo

fetch-olist: .venv/installed
	@$(UV) sync --quiet --frozen --compile-bytecode --inexact --extra fetch
	@$(PYTHON) scripts/fetch_olist.py data/olist

cdnow-data: .venv/installed
	@$(PYTHON) scripts/make_cdnow_data.py data/cdnow

data/demo: | .venv/installed
	@$(PYTHON) scripts/make_demo_data.py $@

.venv/installed: uv.lock pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || (echo "Python 3.11 or newer is needed: python3 --version says otherwise." >&2; exit 1)
	@test -d .venv || python3 -m venv .venv
	@test "$(UV)" != .venv/bin/uv || .venv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@echo "Installing the environment into .venv"
	@UV_PYTHON_DOWNLOADS=never $(UV) sync --quiet --frozen --compile-bytecode --inexact
	@$(PYTHON) scripts/compile_loops.py
	@touch $@

clean:
	rm -rf target logs warehouse/*.duckdb warehouse/*.wal warehouse/spark
