"""What can go wrong at a source, as one tree under `tasks.errors.TaskError`.

    TaskError
    └── SourceError                    code                        tried again?
        ├── SourceNotFound             SOURCE_NOT_FOUND            no
        ├── SourcePrivate              SOURCE_PRIVATE              no
        ├── SourceAuthRequired         SOURCE_AUTH_REQUIRED        no
        ├── PlatformClosed             SOURCE_CLOSED               no
        ├── SourceBlocked              SOURCE_BLOCKED              no
        ├── SourcePreviewUnavailable   SOURCE_PREVIEW_UNAVAILABLE  no
        ├── AddressRefused             SOURCE_ADDRESS_REFUSED      no
        ├── SourceRateLimited          SOURCE_RATE_LIMITED         at `retry_at`
        ├── SourceBadReply             SOURCE_BAD_REPLY            twice
        │   └── ReplyTooLarge          SOURCE_BAD_REPLY            no
        └── SourceUnavailable          SOURCE_UNAVAILABLE          with backoff

Who handles one needs three questions only: `retryable` (may another try help?), `retry_at`
(when; None leaves the pause to the caller's backoff) and `retries` (how many failures in a row
are forgiven; None means the task's own cap). `counts_as_failure` is False for a wait that the
source asked for. The message is one sentence, shown to the task's owner: addresses in it are
stripped of their query, which may hold a key.
"""

from datetime import datetime
from typing import ClassVar

from tasks.errors import TaskError

#: How much of a bad reply is kept to look at: enough to tell a wall page from broken JSON.
EXCERPT_BYTES = 500


class SourceError(TaskError):
    """A source could not be read.

    `address` (without query and credentials) and `status` say which call it was, if any was made.
    """

    code = "SOURCE_ERROR"
    #: Failures in a row that are forgiven: 0 is fatal, None leaves it to the task's own cap.
    retries: ClassVar[int | None] = 0
    #: Whether it uses up the task's failures. A wait that the source asked for does not.
    counts_as_failure: ClassVar[bool] = True

    def __init__(
        self,
        message: str,
        *,
        address: str | None = None,
        status: int | None = None,
        retry_at: datetime | None = None,
        excerpt: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.address = address
        self.status = status
        self.retry_at = retry_at
        self.excerpt = excerpt[:EXCERPT_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")

    @property
    def retryable(self) -> bool:
        """Whether another try may help."""
        return self.retries != 0

    def forgives(self, failures: int) -> bool:
        """Say whether to try again after `failures` failures in a row, this one included."""
        return self.retries is None or failures <= self.retries


class SourceNotFound(SourceError):
    """No such group, account or feed."""

    code = "SOURCE_NOT_FOUND"


class SourcePrivate(SourceError):
    """It exists, and is not for the public."""

    code = "SOURCE_PRIVATE"


class SourceAuthRequired(SourceError):
    """The source wants a credential that is missing, wrong or expired."""

    code = "SOURCE_AUTH_REQUIRED"


class PlatformClosed(SourceError):
    """The platform offers no API for this any more; found out after the task was created."""

    code = "SOURCE_CLOSED"


class SourceBlocked(SourceError):
    """A wall page (captcha, consent, login) came instead of an answer."""

    code = "SOURCE_BLOCKED"


class SourcePreviewUnavailable(SourceError):
    """A channel that shows nothing to visitors."""

    code = "SOURCE_PREVIEW_UNAVAILABLE"


class AddressRefused(SourceError):
    """The address, or one that it leads to, is not on the public internet.

    An administrator may allow the host (`SLUICE_ALLOW_HOSTS`).
    """

    code = "SOURCE_ADDRESS_REFUSED"


class SourceRateLimited(SourceError):
    """The source asks to wait; `retry_at` is always set and more than a few seconds away."""

    code = "SOURCE_RATE_LIMITED"
    retries = None
    counts_as_failure = False

    def __init__(
        self,
        message: str,
        *,
        retry_at: datetime,
        address: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, address=address, status=status, retry_at=retry_at)


class SourceBadReply(SourceError):
    """Not what the source's documents promise. The first bytes are kept in `excerpt`."""

    code = "SOURCE_BAD_REPLY"
    retries = 2


class ReplyTooLarge(SourceBadReply):
    """More bytes than a reply may have; a second try would bring as many."""

    retries = 0


class SourceUnavailable(SourceError):
    """5xx, a timeout, or a failure of DNS, the connection or TLS.

    `retry_at` is set when the source named a time.
    """

    code = "SOURCE_UNAVAILABLE"
    retries = None
