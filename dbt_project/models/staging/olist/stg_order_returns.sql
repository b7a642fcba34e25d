{{ config(enabled=var('source') == 'olist') }}

-- The files tell of none.
select
    cast(null as string) as order_id,
    cast(null as string) as customer_id,
    cast(null as timestamp) as returned_at,
    cast(null as decimal(18, 2)) as monetary_value
where false
