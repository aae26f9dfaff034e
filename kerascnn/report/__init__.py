"""One page that tells how a training went and what its files are worth."""

from kerascnn.report.page import write_report
from kerascnn.report.records import FileRow, Headline, Panel, Picture, Report, Section, Strong

__all__ = ["FileRow", "Headline", "Panel", "Picture", "Report", "Section", "Strong", "write_report"]
