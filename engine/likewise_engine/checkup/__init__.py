"""A data folder is verified, and what follows from what was taught is made anew where it is damaged."""

from likewise_engine.checkup.finding import Finding, Severity
from likewise_engine.checkup.layout import Layout, Place
from likewise_engine.checkup.repair import repair
from likewise_engine.checkup.tenant import TenantCheckup
from likewise_engine.checkup.trail import broken_trail

__all__ = ["Finding", "Layout", "Place", "Severity", "TenantCheckup", "broken_trail", "repair"]
