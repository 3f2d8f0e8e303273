"""The good calls by part of the package; `good_calls` gathers them."""
