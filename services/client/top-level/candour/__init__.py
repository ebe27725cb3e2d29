"""What a stranger imports of us: `candour.client`. The rest has names of its own."""
