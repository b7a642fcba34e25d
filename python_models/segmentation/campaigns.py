"""What a campaign is measured by: without campaigns nothing more has to be loaded."""

import pyarrow as pa

FIGURES_SCHEMA = pa.schema(
    [
        ("campaign", pa.string()),
        ("status", pa.string()),
        ("verdict", pa.string()),
        ("split_p_value", pa.float64()),
        ("buyer_share_difference", pa.float64()),
        ("buyer_share_difference_low", pa.float64()),
        ("buyer_share_difference_high", pa.float64()),
        ("buyer_share_method", pa.string()),
        ("revenue_difference", pa.float64()),
        ("revenue_difference_low", pa.float64()),
        ("revenue_difference_high", pa.float64()),
        ("revenue_method", pa.string()),
        ("usual_buyer_share", pa.float64()),
        ("smallest_difference", pa.float64()),
        ("sentence", pa.string()),
    ]
)
