"""Write a synthetic shop in Olist's schema: nine tables, and the truth beside them.

    python scripts/make_demo_data.py data/demo --customers 20000

The marginals resemble Olist's: 3 % repeat buyers, log-normal order values, review scores skewed to
5, orders that grow from September 2016 to 2018, and missing and extreme values of the same kinds.
Three groups are planted and written to `planted_segments.csv`: loyal customers, dissatisfied
customers and the others. Every value is a hash of seed, column and row number, so the same
arguments give the same files, whatever the threads.
"""

import argparse
import shutil
import sys
from pathlib import Path

import duckdb

PHRASES = [
    "Chegou antes do prazo, recomendo.",
    "Tudo certo com o pedido",
    "Produto bom, embalagem simples.\nCompraria de novo!",
    'O vendedor respondeu "em breve" e nada.',
    "Entrega atrasada; produto com defeito",
    "Ainda aguardo parte do pedido.\n\nSem resposta.",
]

# The last two categories have no English name.
CATEGORIES = [
    ("livros", "books"),
    ("brinquedos", "toys"),
    ("moveis", "furniture"),
    ("relogios", "watches"),
    ("papelaria", "stationery"),
    ("ferramentas", "tools"),
    ("jardim", "garden"),
    ("cama_e_banho", "bed_bath"),
    ("esporte", "sports"),
    ("eletronicos", "electronics"),
    ("perfumes", "perfumes"),
    ("bebes", "baby"),
    ("malas", "luggage"),
    ("musica", "music"),
    ("artesanato", None),
    ("antiguidades", None),
]

STATES = ["SP", "SP", "SP", "SP", "RJ", "RJ", "MG", "MG", "RS", "PR", "SC", "BA", "DF", "GO", "PE"]

SETUP = """
    -- One hash over stream and row: hashes of the two joined afterwards would be correlated.
    create macro uniform(stream, i) as
        (hash(xor(hash(getvariable('seed') || stream), cast(i as ubigint))) >> 11)
        / 9007199254740992.0;
    create macro normal(stream, i) as
        sqrt(-2 * ln(1 - uniform(stream || ' radius', i)))
        * cos(2 * pi() * uniform(stream || ' angle', i));
    create macro log_normal(stream, i, middle, spread) as middle * exp(spread * normal(stream, i));
    create macro number_below(n, stream, i) as cast(floor(uniform(stream, i) * n) as bigint);
    create macro pick(stream, i, choices) as choices[1 + number_below(len(choices), stream, i)];
    create macro id(kind, i) as md5(getvariable('seed') || kind || i);
    create macro zip_code(stream, i) as
        printf('%05d', 1000 + 7 * number_below(getvariable('zips'), stream, i));
    create macro city(zip) as 'cidade ' || (cast(zip as integer) // 70);
    create macro days(n) as to_microseconds(cast(n * 86400 as bigint) * 1000000);
"""

PEOPLE = """
    create table people as
    select
        person,
        case
            when uniform('group', person) < 0.03 then 'loyal'
            when uniform('group', person) < 0.17 then 'dissatisfied'
            else 'other'
        end as planted_segment,
        -- Density rises linearly, so that orders grow over time.
        timestamp '2016-09-04 21:15:19' + days(724 * sqrt(uniform('first order', person)))
            as first_ordered_at
    from range(getvariable('customers')) as people(person);

    create table orders as
    with placed as (
        select
            people.*,
            nth,
            person * 16 + nth as order_key
        from people
        cross join unnest(range(
            case
                when planted_segment = 'loyal'
                    then 2 + least(
                        cast(floor(-ln(1 - uniform('orders', person)) * 0.6) as integer), 8
                    )
                else 1
            end
        )) as orders(nth)
    ),
    dated as (
        select
            *,
            least(
                first_ordered_at + days(nth * 25 * -ln(1 - uniform('gap', order_key))),
                timestamp '2018-08-29 15:00:37'
            ) as regular_time,
            uniform('status', order_key) as status_draw
        from placed
    ),
    described as (
        select
            *,
            -- A few canceled orders trail behind the end of regular business.
            status_draw < 0.0003 as is_late,
            case
                when status_draw < 0.006 then 'canceled'
                when status_draw < 0.012 then 'unavailable'
                when status_draw < 0.023 then 'shipped'
                when status_draw < 0.026 then 'invoiced'
                when status_draw < 0.029 then 'processing'
                when status_draw < 0.0291 then 'created'
                when status_draw < 0.0292 then 'approved'
                else 'delivered'
            end as status
        from dated
    ),
    timed as (
        select
            *,
            case
                when is_late then timestamp '2018-08-30' + days(5 * uniform('late', order_key))
                else regular_time
            end as ordered_at
        from described
    )
    select
        order_key,
        person,
        planted_segment,
        status,
        date_trunc('second', ordered_at) as ordered_at,
        date_trunc('second', ordered_at + days(log_normal('approved', order_key, 0.05, 1.5)))
            as approved_at,
        date_trunc('second', ordered_at + days(log_normal('carrier', order_key, 2.2, 0.5)))
            as carrier_at,
        date_trunc(
            'second',
            ordered_at + days(
                2 + log_normal('delivered', order_key, 8, 0.55)
                * case when planted_segment = 'dissatisfied' then 1.6 else 1 end
            )
        ) as delivered_at,
        date_trunc('day', ordered_at + days(18 + 12 * uniform('promise', order_key)))
            as promised_at,
        case
            when status = 'unavailable' then 0
            when status = 'canceled' and uniform('no items', order_key) < 0.3 then 0
            when uniform('items', order_key) < 0.90 then 1
            when uniform('items', order_key) < 0.97 then 2
            else 3
        end as items
    from timed
    -- A join, that with `unnest` too, gives its rows in no certain order.
    order by order_key;

    create table items as
    select
        order_key,
        number,
        order_key * 4 + number as item_key,
        cast(
            least(
                greatest(
                    log_normal('price', order_key * 4 + number, 75, 0.75)
                    * case when planted_segment = 'loyal' then 1.2 else 1 end
                    * case
                        when uniform('extreme', order_key * 4 + number) < 0.0005 then 20
                        else 1
                    end,
                    0.85
                ), 6735
            ) as decimal(12, 2)
        ) as price,
        cast(least(log_normal('freight', order_key * 4 + number, 16.3, 0.5), 409) as decimal(12, 2))
            as freight
    from orders
    cross join unnest(range(1, items + 1)) as items(number)
    order by item_key;

    create table payments as
    with totals as (
        select order_key, sum(price + freight) as total
        from items
        group by 1
    ),
    due as (
        select
            orders.order_key,
            coalesce(
                totals.total, cast(log_normal('value', orders.order_key, 95, 0.9) as decimal(12, 2))
            ) as total,
            uniform('voucher', orders.order_key) < 0.04 as has_voucher
        from orders
        left join totals on orders.order_key = totals.order_key
        -- Some orders have no payment.
        where uniform('unpaid', orders.order_key) >= 0.0002
    )
    select
        order_key,
        number,
        case
            when number = 2 then 'voucher'
            else pick('payment', order_key, [
                'credit_card', 'credit_card', 'credit_card', 'credit_card', 'boleto', 'debit_card'
            ])
        end as payment_type,
        case
            when number = 1 and has_voucher then total - cast(total * 0.3 as decimal(12, 2))
            when number = 2 then cast(total * 0.3 as decimal(12, 2))
            else total
        end as payment_value
    from due
    cross join unnest(range(1, case when has_voucher then 3 else 2 end)) as payments(number)
    order by order_key, number;

    create table reviews as
    with written as (
        select
            orders.*,
            number,
            orders.order_key * 2 + number as review_key,
            date_trunc(
                'day', coalesce(
                    case when status = 'delivered' then delivered_at end, ordered_at + days(20)
                ) + days(1 + 3 * number)
            ) as created_at
        from orders
        cross join unnest(range(
            case
                when uniform('unreviewed', order_key) < 0.008 then 0
                when uniform('reviewed twice', order_key) < 0.0055 then 2
                else 1
            end
        )) as reviews(number)
    )
    select
        order_key,
        -- One review can stand on two orders.
        case when uniform('shared', review_key) < 0.005 then review_key - 32 else review_key end
            as review_id_key,
        review_key,
        case
            when planted_segment = 'dissatisfied'
                then case when uniform('score', review_key) < 0.8 then 1 else 2 end
            when uniform('score', review_key) < 0.70 then 5
            when uniform('score', review_key) < 0.93 then 4
            else 3
        end as score,
        created_at,
        case
            when uniform('undated', review_key) >= 0.0004
                then date_trunc(
                    'second', created_at + days(log_normal('answer', review_key, 1.7, 0.9))
                )
        end as answered_at
    from written
    order by review_key;
"""

TABLES = {
    "olist_customers_dataset": """
        select
            id('order customer', order_key) as customer_id,
            id('person', person) as customer_unique_id,
            zip_code('home', person) as customer_zip_code_prefix,
            city(zip_code('home', person)) as customer_city,
            pick('state', person, getvariable('states')) as customer_state
        from orders""",
    "olist_orders_dataset": """
        select
            id('order', order_key) as order_id,
            id('order customer', order_key) as customer_id,
            status as order_status,
            ordered_at as order_purchase_timestamp,
            case when status != 'created' then approved_at end as order_approved_at,
            case when status in ('shipped', 'delivered') then carrier_at end
                as order_delivered_carrier_date,
            case when status = 'delivered' and uniform('lost', order_key) >= 0.0001
                then delivered_at end as order_delivered_customer_date,
            promised_at as order_estimated_delivery_date
        from orders""",
    "olist_order_items_dataset": """
        select
            id('order', order_key) as order_id,
            number as order_item_id,
            id('product', number_below(getvariable('products'), 'product', item_key)) as product_id,
            id('seller', number_below(getvariable('sellers'), 'seller', item_key)) as seller_id,
            ordered_at + days(5) as shipping_limit_date,
            price,
            freight as freight_value
        from items
        inner join orders using (order_key)
        order by item_key""",
    "olist_order_payments_dataset": """
        select
            id('order', order_key) as order_id,
            number as payment_sequential,
            payment_type,
            case
                when payment_type != 'credit_card' then 1
                else 1 + cast(floor(10 * power(uniform('instalments', order_key), 3)) as integer)
            end as payment_installments,
            payment_value
        from payments""",
    "olist_order_reviews_dataset": """
        select
            id('review', review_id_key) as review_id,
            id('order', order_key) as order_id,
            score as review_score,
            case when uniform('title', review_key) < 0.12 then 'nota ' || score end
                as review_comment_title,
            case when uniform('comment', review_key) < 0.4
                then pick('phrase', review_key, getvariable('phrases')) end
                as review_comment_message,
            created_at as review_creation_date,
            answered_at as review_answer_timestamp
        from reviews""",
    "olist_products_dataset": """
        select
            id('product', product) as product_id,
            case when uniform('no category', product) >= 0.0185
                then pick('category', product, getvariable('categories')) end
                as product_category_name,
            20 + number_below(40, 'name', product) as product_name_lenght,
            100 + number_below(900, 'text', product)
                as product_description_lenght,
            1 + number_below(4, 'photos', product) as product_photos_qty,
            cast(round(log_normal('weight', product, 700, 1)) as integer) as product_weight_g,
            16 + number_below(50, 'length', product) as product_length_cm,
            2 + number_below(40, 'height', product) as product_height_cm,
            11 + number_below(30, 'width', product) as product_width_cm
        from range(getvariable('products')) as products(product)""",
    "olist_sellers_dataset": """
        select
            id('seller', seller) as seller_id,
            zip_code('seat', seller) as seller_zip_code_prefix,
            city(zip_code('seat', seller)) as seller_city,
            pick('seller state', seller, getvariable('states')) as seller_state
        from range(getvariable('sellers')) as sellers(seller)""",
    "olist_geolocation_dataset": """
        select
            printf('%05d', 1000 + 7 * (point // 5)) as geolocation_zip_code_prefix,
            -23.5 + 8 * normal('latitude', point // 5) + 0.01 * normal('north', point)
                as geolocation_lat,
            -46.6 + 4 * normal('longitude', point // 5) + 0.01 * normal('east', point)
                as geolocation_lng,
            city(printf('%05d', 1000 + 7 * (point // 5))) as geolocation_city,
            pick('zip state', point // 5, getvariable('states')) as geolocation_state
        from range(5 * getvariable('zips')) as points(point)""",
    "product_category_name_translation": """
        from (
            select
                unnest(getvariable('categories')) as product_category_name,
                unnest(getvariable('english')) as product_category_name_english
        )
        where product_category_name_english is not null""",
    "planted_segments": """
        select
            id('person', person) as customer_unique_id,
            planted_segment
        from people""",
}


def make_demo_data(folder: Path, *, customers: int, seed: int, file_format: str) -> dict[str, int]:
    """Write the ten files into `folder`, which must not exist or be empty.

    Parameters
    ----------
    folder : Path
    customers : int
        Number of persons; each has one order or more.
    seed : int
    file_format : {"csv", "parquet"}

    Returns
    -------
    dict of str to int
        Rows of each table.

    Raises
    ------
    FileExistsError
        If the folder holds files: data are never overwritten.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; name another folder or delete it")
    # All or nothing: the folder appears when its files are complete.
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    rows = {}
    with duckdb.connect(config={"temp_directory": str(partial / "tmp")}) as connection:
        for name, value in {
            "seed": seed,
            "customers": customers,
            "products": max(40, customers // 3),
            "sellers": max(10, customers // 30),
            "zips": max(50, min(customers // 5, 12_000)),
            "phrases": PHRASES,
            "states": STATES,
            "categories": [name for name, _ in CATEGORIES],
            "english": [english for _, english in CATEGORIES],
        }.items():
            connection.execute(f"set variable {name} = $value", {"value": value})
        connection.execute(SETUP + PEOPLE)
        options = (
            "format parquet"
            if file_format == "parquet"
            else "format csv, header, timestampformat '%Y-%m-%d %H:%M:%S'"
        )
        for table, query in TABLES.items():
            path = partial / f"{table}.{file_format}"
            result = connection.execute(f"copy ({query}) to '{sql_text(path)}' ({options})")
            rows[table] = result.fetchone()[0]
            print(f"  {table:<36}{rows[table]:>12,} rows", flush=True)
    shutil.rmtree(partial / "tmp", ignore_errors=True)
    if file_format == "csv":
        # The published file starts with a byte order mark.
        translation = partial / "product_category_name_translation.csv"
        translation.write_bytes(b"\xef\xbb\xbf" + translation.read_bytes())
    if folder.exists():
        folder.rmdir()
    partial.rename(folder)
    return rows


def sql_text(path: Path) -> str:
    """Quote a path for SQL."""
    return str(path).replace("'", "''")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("data/demo"))
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=["csv", "parquet"], default="csv", dest="file_format")
    arguments = parser.parse_args()
    if arguments.customers < 1:
        parser.error("--customers must be 1 or more")
    print(f"Making demo data of {arguments.customers:,} customers in {arguments.folder}")
    try:
        make_demo_data(
            arguments.folder,
            customers=arguments.customers,
            seed=arguments.seed,
            file_format=arguments.file_format,
        )
    except FileExistsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
