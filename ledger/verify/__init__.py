"""The offline verifier: bundle.py (the file), verifier.py (numbered steps), report.py."""
