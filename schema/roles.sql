-- Run once by a superuser of the cluster, before the first migration: the roles that the programs log in as, and the database.
-- None of them is a superuser; what each may do is granted by the migrations. Blank lines separate the statements.

CREATE ROLE yq_owner LOGIN;

CREATE ROLE yq_storescp LOGIN;

CREATE ROLE yq_router LOGIN;

CREATE ROLE yq_gateway LOGIN;

CREATE ROLE yq_operator LOGIN;

CREATE DATABASE yingqiao OWNER yq_owner ENCODING 'UTF8' TEMPLATE template0;

REVOKE ALL ON DATABASE yingqiao FROM PUBLIC;

GRANT CONNECT, TEMPORARY ON DATABASE yingqiao TO yq_storescp, yq_router, yq_gateway, yq_operator;
