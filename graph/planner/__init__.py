"""Plans."""

from graph.planner.plan import Planned

__all__ = ["Planned"]
