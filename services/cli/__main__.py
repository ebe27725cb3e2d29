"""python -m services.cli: the `candour` command."""

from services.cli.main import run

if __name__ == "__main__":
    run()
