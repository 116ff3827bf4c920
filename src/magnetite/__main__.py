"""``python -m magnetite`` is the command line."""

from magnetite.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
