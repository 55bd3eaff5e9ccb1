"""HTTP: routes, pages and the browser code."""
