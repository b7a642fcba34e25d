"""Segmentation models as pure functions: scale, cluster and compare.

Arrays and frames in, frames out; nothing here knows of dbt or of a database.
"""
