"""What must be true of the catalogue for shops to be apart, as one list of findings.

Read at every start (`Database.connect` refuses a database with findings) and by the tests. The rules and the
failures behind them: row-level security is inert for owners without FORCE and for superusers; a policy without
WITH CHECK lets rows be written for others; a key or foreign key that does not begin with the tenant tells whether
another shop's row exists; a view runs as its owner unless it is `security_invoker`.
"""

from __future__ import annotations

import asyncpg

# Tables that belong to no shop. Adding one is a decision to be reviewed.
SHARED_TABLES = frozenset({"alembic_version", "closed_shops"})
# Keys that span the shops on purpose: the slug is in a public address, the digest is of a random secret, and a domain
# that was proven leads to one shop.
SPANNING_KEYS = frozenset({"shops_slug_key", "api_keys_digest_key", "domains_verified"})

_OWN_ROWS = (
    "(tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS \"nullif\"))"
)

_FINDINGS = """
WITH tables AS (
    SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity,
           (SELECT attnum FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id' AND attnotnull) AS tenant
      FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> ALL ($1::text[])
)
SELECT relname || ': no tenant_id, and not on the list of shared tables' FROM tables WHERE tenant IS NULL
UNION ALL
SELECT relname || ': row-level security is not enabled' FROM tables WHERE NOT relrowsecurity
UNION ALL
SELECT relname || ': row-level security is not forced' FROM tables WHERE NOT relforcerowsecurity
UNION ALL
SELECT relname || ': the policy own_rows is missing or another' FROM tables t
 WHERE NOT EXISTS (
    SELECT FROM pg_policy p
     WHERE p.polrelid = t.oid AND p.polname = 'own_rows' AND p.polcmd = '*' AND p.polroles = '{0}'
       AND pg_get_expr(p.polqual, t.oid) = $3 AND pg_get_expr(p.polwithcheck, t.oid) = $3)
UNION ALL
SELECT t.relname || ': the policy ' || p.polname || ' opens rows to more than the system role''s reads'
  FROM tables t JOIN pg_policy p ON p.polrelid = t.oid
 WHERE p.polname <> 'own_rows' AND p.polpermissive
   AND NOT (p.polcmd = 'r' AND p.polroles = ARRAY[(SELECT oid FROM pg_roles WHERE rolname = 'vitrine_system')])
UNION ALL
SELECT t.relname || ': the key ' || c.relname || ' does not begin with tenant_id'
  FROM tables t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class c ON c.oid = i.indexrelid
 WHERE i.indisunique AND i.indkey[0] IS DISTINCT FROM t.tenant AND c.relname <> ALL ($2::text[])
UNION ALL
SELECT t.relname || ': the foreign key ' || f.conname || ' does not begin with tenant_id'
  FROM tables t JOIN pg_constraint f ON f.conrelid = t.oid
 WHERE f.contype = 'f' AND (f.conkey[1] IS DISTINCT FROM t.tenant
    OR (SELECT attname FROM pg_attribute WHERE attrelid = f.confrelid AND attnum = f.confkey[1]) <> 'tenant_id')
UNION ALL
SELECT c.relname || ': a view that is not security_invoker' FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v'
   AND NOT COALESCE(c.reloptions @> ARRAY['security_invoker=true'], false)
UNION ALL
SELECT c.relname || ': a materialized view has no row-level security' FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'm'
UNION ALL
SELECT p.proname || ': a security definer function that the application may call' FROM pg_proc p
 WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
   AND has_function_privilege('vitrine_app', p.oid, 'EXECUTE')
UNION ALL
SELECT rolname || ': a role for which row-level security does not hold' FROM pg_roles
 WHERE rolname IN ('vitrine_app', 'vitrine_system') AND (rolsuper OR rolbypassrls OR rolcreaterole)
UNION ALL
SELECT c.relname || ': owned by a role of the application' FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace
   AND pg_get_userbyid(c.relowner) IN ('vitrine_app', 'vitrine_system')
UNION ALL
SELECT 'vitrine_app: inherits what vitrine_system may read' WHERE pg_has_role('vitrine_app', 'vitrine_system', 'USAGE')
"""


async def findings(connection: asyncpg.Connection) -> list[str]:
    """What is wrong, one sentence each; an empty list if shops are apart."""
    rows = await connection.fetch(_FINDINGS, sorted(SHARED_TABLES), sorted(SPANNING_KEYS), _OWN_ROWS)
    return sorted(row[0] for row in rows)
