"""One page that tells how a training went and what its files are worth."""

from kerascnn.report.page import write_report
from kerascnn.report.records import FileRow, Mistake, Report

__all__ = ["FileRow", "Mistake", "Report", "write_report"]
