"""`python -m burnish` is the `burnish` command."""

from burnish.drivers.cli import main

main()
