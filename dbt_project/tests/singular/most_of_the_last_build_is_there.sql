-- What more than the share max_loss has gone of since the last build: a cut or older export, or ids
-- that have changed, would rename customers and rewrite their past. If that is right, accept it
-- once: ACCEPT_LOSS=yes of make, or --vars '{max_loss: 1}'.
{{ config(severity=var('loss_severity')) }}

select sentence from {{ ref('int_losses') }}
where is_loss
