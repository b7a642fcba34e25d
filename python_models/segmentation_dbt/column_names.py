"""What columns of orders are called in English, German, French, Spanish and Portuguese."""

import re
import unicodedata

# By declared column, names that it has in files, the likeliest first. They are compared as
# `plain_name` writes them.
NAMES = {
    "ordered_at": """
        order date; ordered at; order time; purchase date; purchased at; order purchase timestamp;
        invoice date; transaction date; created at; created; created date; date created; date;
        order created; timestamp; date time; datetime; time; sale date; sales date; paid at;
        bestelldatum; bestellzeitpunkt; bestellzeit; bestellt am; zeit der bestellung;
        auftragsdatum; kaufdatum; gekauft am; rechnungsdatum; belegdatum; buchungsdatum;
        erstellt am; datum; zeitpunkt; zeit;
        date de commande; date commande; date de la commande; date d achat; date achat;
        date de facture; date facture; date de vente; date de creation; horodatage; commande le;
        fecha de pedido; fecha pedido; fecha del pedido; fecha de compra; fecha compra;
        fecha de factura; fecha factura; fecha de venta; fecha venta; fecha y hora; fecha hora;
        fecha; data do pedido; data pedido; data da compra; data compra; data da venda; data venda;
        data de emissao; data da fatura; data e hora; data hora; data
        """,
    "customer_id": """
        customer unique id; customer id; customer number; customer no; customer nr; customer code;
        customer key; customer; cust id; client id; client number; user id; buyer id; member id;
        account id; shopper id; customer email; billing email; email billing; email;
        email address; e mail; buyer email; buyer; user; account; client; member; shopper;
        customer name;
        kunden nr; kundennr; kundennummer; kunden nummer; kunden id; kundenid; kunde; debitor;
        debitorennummer; debitoren nr; kaufer; auftraggeber; e mail adresse; kundenname;
        code client; id client; identifiant client; numero client; numero de client; no client;
        n client; acheteur; courriel; adresse e mail; adresse email; nom du client;
        id cliente; id de cliente; codigo cliente; codigo de cliente; numero de cliente;
        numero cliente; n cliente; comprador; correo electronico; correo; id del cliente;
        id do cliente; codigo do cliente; cod cliente; numero do cliente; cliente; cpf
        """,
    "order_id": """
        order id; order number; order no; order nr; order; invoice no; invoice number; invoice id;
        invoice; transaction id; transaction number; transaction; receipt number; receipt no;
        receipt; basket id; ticket; document number; order name; order ref; order reference;
        bestellnummer; bestell nr; bestellnr; bestell id; bestellung; auftragsnummer; auftrags nr;
        auftragsnr; auftrag; rechnungsnummer; rechnungs nr; rechnungsnr; rechnung; belegnummer;
        beleg nr; belegnr; beleg; bonnummer; bon; vorgang; vorgangsnummer;
        numero de commande; numero commande; no commande; n commande; id commande;
        reference commande; ref commande; commande; numero de facture; numero facture; n facture;
        no facture; facture; numero ticket;
        numero de pedido; numero pedido; id pedido; id del pedido; no pedido; n pedido;
        numero de factura; numero factura; n factura; factura; numero de orden; orden;
        numero do pedido; id do pedido; codigo do pedido; cod pedido; pedido; nota fiscal;
        numero da nota; numero da fatura; fatura; nf; venda id; id venda; id da venda; id
        """,
    "order_status": """
        order status; financial status; payment status; status; state of order;
        bestellstatus; auftragsstatus; zahlungsstatus; statut; statut de la commande;
        statut commande; etat; etat de la commande; estado del pedido; estado pedido;
        estado de pago; status do pedido; status pedido; situacao; situacao do pedido; estado
        """,
    "refunded_amount": """
        refunded amount; amount refunded; refunded total; refund total; total refunded; refund;
        refunded; refund amount; refunds;
        erstattung; erstattet; erstatteter betrag; erstattungsbetrag; gutschrift; ruckerstattung;
        montant rembourse; remboursement; rembourse; importe reembolsado; importe devuelto;
        reembolso; reembolsado; monto reembolsado; valor reembolsado; valor estornado; estorno
        """,
    "unit_price": """
        unit price; price per unit; price each; item price; price; lineitem price; item cost;
        einzelpreis; stuckpreis; preis je stuck; preis pro stuck; preis;
        prix unitaire; prix unitaire ttc; prix unitaire ht; pu; pu ttc; pu ht; prix;
        precio unitario; precio unidad; precio por unidad; precio;
        preco unitario; valor unitario; preco
        """,
    "items": """
        quantity; qty; items; number of items; item count; items sold; units; pieces; item quantity;
        lineitem quantity; order quantity; menge; anzahl; stuckzahl; stuck; artikelanzahl;
        quantite; qte; nombre d articles; nb articles; cantidad; unidades; num articulos;
        quantidade; qtd; qtde; quant; number of units; number of cds
        """,
    "amount": """
        order total; order amount; grand total; total amount; amount; total price; total;
        total paid; amount paid; order value; payment value; line total; line amount; net amount;
        gross amount; revenue; sales; net sales; turnover; total sales; item total; sum; value;
        spend; subtotal;
        betrag; gesamtbetrag; rechnungsbetrag; bestellwert; gesamtpreis; gesamtsumme; summe;
        endbetrag; bruttobetrag; nettobetrag; umsatz; warenwert; gesamt; wert; zeilenbetrag;
        positionsbetrag; brutto; netto;
        montant total; montant; montant ttc; total ttc; montant ht; total ht; prix total;
        chiffre d affaires; ca; valeur;
        importe total; importe; importe neto; total pedido; total del pedido; monto total; monto;
        precio total; venta; ventas; ingresos;
        valor total; valor do pedido; valor pago; valor da venda; valor; montante; preco total;
        receita; total do pedido; venda; vendas; faturamento; dollar value
        """,
    "category": """
        category; product category; category name; product type; department; product group;
        kategorie; produktkategorie; warengruppe; produktgruppe; artikelgruppe; sparte;
        categorie; categorie produit; rayon; famille; categoria; categoria producto;
        categoria de producto; familia; categoria do produto; categoria produto; departamento
        """,
    "state": """
        state; billing state; billing province; province; region; customer state; ship state;
        shipping state; shipping province; bundesland; kanton; departement; provincia;
        comunidad autonoma; comunidad; uf; estado; country; billing country; land; pays; pais
        """,
    "city": """
        city; billing city; customer city; town; ship city; shipping city; stadt; ort; wohnort;
        ville; ciudad; localidad; poblacion; cidade; municipio
        """,
    "delivered_at": """
        delivered at; delivery date; delivered date; date delivered; delivered;
        order delivered customer date; lieferdatum; geliefert am; geliefert; zugestellt am;
        zustelldatum; date de livraison; date livraison; livre le; fecha de entrega; fecha entrega;
        entregado; entregado el; data de entrega; data da entrega; data entrega; entregue em
        """,
    "promised_at": """
        promised at; promised date; estimated delivery date; expected delivery date;
        order estimated delivery date; liefertermin; zugesagt am; voraussichtliches lieferdatum;
        date de livraison prevue; date de livraison estimee; livraison prevue;
        fecha de entrega estimada; fecha de entrega prevista; fecha estimada de entrega;
        data prevista de entrega; data de entrega prevista; previsao de entrega
        """,
    "review_score": """
        review score; rating; score; stars; review; bewertung; sterne; note client; note; avis;
        valoracion; puntuacion; estrellas; calificacion; avaliacao; nota da avaliacao; nota;
        estrelas
        """,
    "reviewed_at": """
        reviewed at; review date; review time; rated at; review answer timestamp; bewertet am;
        bewertet; bewertungsdatum; date de l avis; date avis; note le; fecha de valoracion;
        fecha valoracion; fecha de la resena; data da avaliacao; data avaliacao; avaliado em
        """,
    "currency": """
        currency; order currency; currency code; wahrung; devise; monnaie; moneda; divisa; moeda
        """,
}
RANKS = {
    column: {name.strip(): rank for rank, name in enumerate(" ".join(text.split()).split(";"))}
    for column, text in NAMES.items()
}

# A name with one of these words is that of something else, whatever else it says.
_PRICE_PARTS = """
    tax taxes shipping freight discount fee fees refund refunded profit cost tip tips duties balance
    compare converted captured outstanding mwst ust steuer versand versandkosten rabatt gebuhr
    gutschrift erstattet porto tva frais livraison remise rembourse impuesto iva envio descuento
    gastos reembolsado imposto frete desconto taxa refunds items item count quantity
    """
OTHERS = {
    "ordered_at": """
        ship shipping shipped delivery delivered due birth birthday updated update modified paid
        refund refunded cancelled canceled expected estimated promised fulfilled review signup
        registration liefer lieferdatum geburtsdatum livraison entrega nacimiento nascimento until
        """,
    "customer_id": """
        type segment group status country city state since phone description note message zip
        address2 ip agent accepts typ gruppe land ort stadt telefon pays ville grupo ciudad cidade
        """,
    "order_id": "date time status total value amount item line qty quantity count product",
    "amount": _PRICE_PARTS,
    "unit_price": "tax shipping discount compare total sku name",
    "refunded_amount": "date at tax reason converted",
    "items": "sku name price total tax discount refunded",
    "order_status": "fulfillment lineitem customer",
}
_OTHERS = {column: set(words.split()) for column, words in OTHERS.items()}

# Beyond the rank of every whole name.
PART = 1000


def plain_name(name: str) -> str:
    """Write a name without case, accents and marks; OrderDate is "order date".

    Parameters
    ----------
    name : str
        As the file has it.

    Returns
    -------
    str
        Words of lower-case letters and digits, one blank between two.
    """
    name = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])|(?<=[a-z])(?=ID\b)", " ", name.strip("\ufeff"))
    letters = unicodedata.normalize("NFKD", name.lower().replace("ß", "ss"))
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[a-z0-9]+", letters))


def rank_of_name(name: str, column: str) -> int | None:
    """Rank how likely a column of a file is the declared one, by its name alone.

    Parameters
    ----------
    name : str
        As the file has it.
    column : str
        One of `NAMES`.

    Returns
    -------
    int or None
        The less the likelier; from `PART` on where only a part of the name says it; None where
        nothing does.
    """
    plain = plain_name(re.sub(r"\(.*?\)|\[.*?\]", " ", name)) or plain_name(name)
    ranks = RANKS[column]
    if plain in ranks:
        return ranks[plain]
    words = plain.split()
    if _OTHERS.get(column, set()) & set(words):
        return None
    parts = [
        rank for known, rank in ranks.items() if len(known) > 2 and f" {known} " in f" {plain} "
    ]
    return PART + min(parts) if parts else None
