"""Reads OpenMetrics text with Prometheus's own strict parser, and says what is in it as JSON: the value of each series,
by its name and labels. usage: metrics.py FILE"""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

with open(sys.argv[1], encoding="utf-8") as file:
    families = list(text_string_to_metric_families(file.read()))

series = {}
for family in families:
    for sample in family.samples:
        labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
        key = sample.name + (f"{{{labels}}}" if labels else "")
        assert key not in series, f"{key} comes twice"
        series[key] = sample.value

print(json.dumps({"families": [family.name for family in families], "series": series}))
