"""The browser of `helpers/browser.py`."""

from browser import chromium, visit

__all__ = ["chromium", "visit"]
