"""``python -m fittingroom``: the command line."""

from fittingroom.cli import main

main()
