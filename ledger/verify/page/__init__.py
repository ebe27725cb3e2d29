"""The verifier as one web page: modules in JavaScript, and assemble.py, which makes the file of them."""

from ledger.verify.page.assemble import Page, assemble_page

__all__ = ["Page", "assemble_page"]
