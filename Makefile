PYTHON ?= python3
VENV := .venv
READY := $(VENV)/ready
export OMP_NUM_THREADS ?= 1

.PHONY: lab test claims portable bench run pin

lab: $(READY)  ## open the course in JupyterLab (LAB_FLAGS are passed on)
	$(VENV)/bin/jupyter lab $(LAB_FLAGS) notebooks/01_small_init.ipynb

test: $(READY)  ## run all tests (TEST_FLAGS are passed to pytest)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/python -m pytest $(TEST_FLAGS)

claims: $(READY)  ## test the claims over 20 seeds in place of 5
	CLAIM_SEEDS=20 $(VENV)/bin/python -m pytest tests/test_claims_*.py $(TEST_FLAGS)

portable: $(READY)  ## run the notebooks as on six processors, with 1, 2 and 4 threads; prints a table (--today in PORTABLE_FLAGS: one row)
	$(VENV)/bin/python tests/portable.py $(PORTABLE_FLAGS)

bench: $(READY)  ## measure what the course promises, as a table
	$(VENV)/bin/python tests/bench.py

run: $(READY)  ## execute the notebooks and store their outputs
	$(VENV)/bin/python tests/execute.py notebooks/*.ipynb

pin:  ## write constraints.txt anew from the newest releases (of torch: the one with a small CPU build)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "pin with the oldest supported Python: make pin PYTHON=python3.11")'
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/pip install "torch==2.13.0" -e ".[lab,test]"
	$(VENV)/bin/pip freeze --exclude-editable | sed 's/+cpu//' > constraints.txt

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[lab,test]"
	touch $(READY)
