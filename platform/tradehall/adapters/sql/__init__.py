"""SQL stores (数据库): append-only tables through SQLAlchemy Core, on SQLite and PostgreSQL alike."""
