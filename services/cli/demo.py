"""candour demo."""


def demo() -> None:
    """Show."""
