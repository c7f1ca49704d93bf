"""Questions to the operator: each a screen of its own over the views, drawn line by line like them."""
