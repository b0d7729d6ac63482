"""One tenant's memory and judgement."""

import os

# Some seconds after it began, onnxruntime looks for its maker's host to report how it is used (1.31.1 does),
# unless it is told not to before it is imported. Nothing leaves the machine: tests/test_no_network.py counts.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
