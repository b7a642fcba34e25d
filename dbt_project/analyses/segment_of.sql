-- The segment of any customer, on Spark: dbt compile --select segment_of prints this query, with
-- features as parameters: spark.sql(query, args={"recency_days": 3, "frequency": 2, ...}).
-- On DuckDB the function marts.segment_of is the same.
{{ segment_of_query(marker=':') }}
