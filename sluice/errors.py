"""What can go wrong before anything runs; part of the tree in `tasks/errors.py`.

    TaskError
    ├── SettingInvalid          a setting whose value cannot be used
    ├── StartRefused            the settings are well-formed, but this command cannot run on them
    ├── DataDirectoryUnusable   the data directory cannot be made, read, written or locked
    ├── AddressUnavailable      host and port cannot be listened on
    ├── BrokerUnavailable       the broker does not answer
    ├── ServerUnavailable       no server answers where one is asked
    ├── ServerRefused           a server answers that it will not
    ├── SchemaBroken            the GraphQL schema breaks what was released
    └── ServingFailed           the server ended before it answered anything

The first two end a command with the exit code for wrong usage.
"""

from tasks.errors import TaskError


class SettingInvalid(TaskError):
    """A setting's value cannot be used; the message names the variable and what would be right."""

    code = "SETTING_INVALID"


class StartRefused(TaskError):
    """The settings do not fit the command; the message names the one to change."""

    code = "START_REFUSED"


class DataDirectoryUnusable(TaskError):
    """The data directory cannot be made, read, written or locked."""

    code = "DATA_DIRECTORY_UNUSABLE"


class AddressUnavailable(TaskError):
    """Nothing can listen on this host and port."""

    code = "ADDRESS_UNAVAILABLE"


class ServingFailed(TaskError):
    """The server ended before it answered anything; the log says why."""

    code = "SERVING_FAILED"


class BrokerUnavailable(TaskError):
    """The broker does not answer; the message says which and why."""

    code = "BROKER_UNAVAILABLE"


class ServerUnavailable(TaskError):
    """No server answers; the message says where and why."""

    code = "SERVER_UNAVAILABLE"


class ServerRefused(TaskError):
    """A server will not do what it was asked; the message has its reason."""

    code = "SERVER_REFUSED"


class SchemaBroken(TaskError):
    """The GraphQL schema breaks what was released; the message says where."""

    code = "SCHEMA_BROKEN"
