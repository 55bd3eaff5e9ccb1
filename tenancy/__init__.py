"""Shops: database, accounts, products, files. The only room that touches SQL and object storage."""
