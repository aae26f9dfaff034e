"""Arithmetic on layer widths."""


def divisible(width: float, by: int = 8, least: float = 0.9) -> int:
    """The multiple of ``by`` nearest to ``width``, yet never below ``least`` of it. MobileNetV2's released code."""
    near = max(by, int(width + by / 2) // by * by)
    return near if near >= least * width else near + by
