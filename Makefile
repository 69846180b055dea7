# The three commands of the README; `make install` comes first by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Set it to the address of PyTorch's CPU wheel index to install the small CPU build of torch.
TORCH_INDEX ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: install demo test lint types tests families wheel pins faults study clean

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' || \
	  { echo "skazka-tune needs Python 3.11 to 3.14: make PYTHON=python3.11 install"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "install the venv module first (Debian: apt install python3-venv)"; exit 2; }
	$(PIP) install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -c constraints.txt -e '.[dev,cluster]'
	# Beside the CPU build of torch an installed torchvision cannot be imported; the tests of families mend that.
	$(PIP) install --quiet --no-deps --target $(VENV)/torchvision -c constraints.txt torchvision
	@touch $@

demo: install
	$(BIN)/skazka launch --trials 12 --repeats 2

test: lint types tests

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

tests: install families
	# Two files at a time, each in one process; in the order of pyproject.toml, not the files with the most tests first:
	# whole sweeps are few tests and long, and would be left for the end, one process waiting for the other.
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Every family of vision-language models, tiny and random, two at a time.
families: install
	$(BIN)/python -m pytest -n 2 tests/families

# The wheel in an empty environment, launched from a folder that holds packages of our names.
wheel: install
	bash tests/wheel.sh $(BIN)/python

# Every pin has a wheel on every Python that is accepted; asks the package index.
pins: install
	$(BIN)/python tests/pins.py

# Kill, interrupt, damage and starve sweeps; QUICK=1 for a few faults of each kind.
faults: install
	$(BIN)/python -m benchmarks.faults $(if $(QUICK),--quick)

# Redraw the embedded study's pictures and retrain its base.
study: install
	$(BIN)/python -m studies.demo.make

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache
