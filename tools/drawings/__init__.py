"""The book's schematic drawings, made by scripts: `python -m tools.drawings` writes book/_static/drawings/*.svg."""
