"""What one request, and one token over time, may ask for.

Every check here takes time linear in the document, or stops at a bound of its own, so that a
document made to be expensive is refused for about the price of reading it.
"""

from graph.limits.bucket import Bucket, Charge, ProcessBucket, Rate
from graph.limits.settings import Limits
from graph.limits.shared import RedisBucket

__all__ = ["Bucket", "Charge", "Limits", "ProcessBucket", "Rate", "RedisBucket"]
