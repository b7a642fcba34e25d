"""The report and the slides: pictures, findings and pages, made from the marts alone."""
