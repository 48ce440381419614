"""Sphinx: the pages of this folder and the Python reference, as HTML (``make docs``)."""

import tumorscope

project = "tumorscope"
version = release = tumorscope.__version__
project_copyright = "Research use only. Not a medical device."
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# Reports and decisions are reached by links.
suppress_warnings = ["toc.not_included"]

html_theme = "furo"
html_title = "tumorscope"
html_show_copyright = True
html_show_sphinx = False

autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
myst_heading_anchors = 3
