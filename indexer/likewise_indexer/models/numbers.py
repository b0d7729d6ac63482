"""In which numbers a model computes. Apart, since what knows more of them imports onnx."""

from enum import StrEnum


class Precision(StrEnum):
    """In which numbers a model computes."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    INT8_STATIC = "int8-static"
